import type { Comparison, Impact } from '@perfloop/client'
import type { ReactElement } from 'react'
import { IntervalBar } from '../../charts/interval-bar.tsx'
import { VerdictBadge } from '../../components/badge.tsx'
import { Instant } from '../../components/instant.tsx'
import { OperationName } from '../../components/operation-name.tsx'
import { Panel } from '../../components/panel.tsx'
import { formatDuration } from '../../format/duration.ts'
import { toWords } from '../../format/label.ts'
import { formatChange, formatCount, formatPercent, formatRate } from '../../format/number.ts'
import { decidingComparison } from './deciding-comparison.ts'

/** What measuring said, in one sentence and then in full. */
export function Verdict({ impact }: { impact: Impact }): ReactElement {
  const deciding = decidingComparison(impact)
  const reach = toReach(impact.comparisons)
  const operations = new Set(impact.comparisons.map(({ operation }) => operation.operation))
  return (
    <Panel
      title="Measured impact"
      note={
        <>
          before <Instant at={impact.before.from} /> – <Instant at={impact.before.to} />, after{' '}
          <Instant at={impact.after.from} /> – <Instant at={impact.after.to} />
        </>
      }
      actions={<VerdictBadge verdict={impact.verdict} />}
    >
      <div className="verdict" data-verdict={impact.verdict}>
        {deciding !== undefined && (
          <p className="verdict-figure">
            {formatChange(deciding.change)}
            <small>
              {toWords(deciding.metric)}: {formatMetric(deciding, deciding.before)} →{' '}
              {formatMetric(deciding, deciding.after)}
            </small>
          </p>
        )}
        <p>{impact.reason}</p>
      </div>
      {impact.comparisons.length > 0 && (
        <div className="table-frame bleeding">
          <table className="table comparisons">
            <caption className="visually-hidden">Comparisons of before and after</caption>
            <thead>
              <tr>
                <th scope="col">Metric</th>
                <th scope="col" data-align="end">
                  Before
                </th>
                <th scope="col" data-align="end">
                  After
                </th>
                <th scope="col">
                  Change, interval <span className="quiet">±{formatPercent(reach)}</span>
                </th>
                <th scope="col" data-align="end" data-yields="2">
                  p
                </th>
                <th scope="col" data-align="end" data-yields="2">
                  Executions
                </th>
                <th scope="col" data-yields="1">
                  Verdict
                </th>
              </tr>
            </thead>
            <tbody>
              {impact.comparisons.map(comparison => (
                <Row
                  key={`${comparison.operation.operation} ${comparison.metric}`}
                  comparison={comparison}
                  reach={reach}
                  withOperation={operations.size > 1}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {impact.comparisons.length > 0 && (
        <p className="quiet spaced">
          Before and after are of the whole windows. The change, which is judged, is the one from
          block to block of time: a few bad moments move the former, not the latter.
        </p>
      )}
    </Panel>
  )
}

function Row({
  comparison,
  reach,
  withOperation,
}: {
  comparison: Comparison
  reach: number
  withOperation: boolean
}): ReactElement {
  return (
    <tr>
      <td>
        <span className="two-lines">
          <b>{toWords(comparison.metric)}</b>
          {withOperation && (
            <small>
              <OperationName operation={comparison.operation.operation} />
            </small>
          )}
        </span>
      </td>
      <td data-align="end">{formatMetric(comparison, comparison.before)}</td>
      <td data-align="end">{formatMetric(comparison, comparison.after)}</td>
      <td>
        <span className="interval-cell">
          <b>{formatChange(comparison.change)}</b>
          <IntervalBar
            change={comparison.change}
            low={comparison.change_low}
            high={comparison.change_high}
            confidence={comparison.confidence}
            reach={reach}
            lowerIsBetter={comparison.metric !== 'throughput'}
          />
        </span>
      </td>
      <td data-align="end" data-yields="2">
        {comparison.p_value < 0.001 ? '< 0.001' : comparison.p_value.toFixed(3)}
      </td>
      <td data-align="end" data-yields="2">
        {formatCount(comparison.before_count)} / {formatCount(comparison.after_count)}
      </td>
      <td data-yields="1">
        <RowVerdict comparison={comparison} />
      </td>
    </tr>
  )
}

/** The load is told for comparison, it is not judged; what is nothing before and after is no open question. */
function RowVerdict({ comparison }: { comparison: Comparison }): ReactElement {
  const { metric, verdict, before, after } = comparison
  if (metric === 'throughput') return <span className="quiet">the load, not judged</span>
  if (before === 0 && after === 0) return <span className="quiet">none, before and after</span>
  return <VerdictBadge verdict={verdict} />
}

function formatMetric({ metric }: Comparison, value: number): string {
  if (metric === 'error_ratio') return formatPercent(value)
  if (metric === 'throughput') return formatRate(value)
  return formatDuration(value)
}

/** One scale for all bars: the widest interval, rounded up to a number people read. */
function toReach(comparisons: readonly Comparison[]): number {
  const widest = Math.max(
    0.05,
    ...comparisons.flatMap(({ change, change_low, change_high }) =>
      // Where nothing is bounded the interval says nothing of a scale.
      (change_high === null ? [change] : [change, change_low, change_high]).map(Math.abs),
    ),
  )
  return [0.05, 0.1, 0.25, 0.5, 1, 2, 5].find(step => step >= widest) ?? 10
}
