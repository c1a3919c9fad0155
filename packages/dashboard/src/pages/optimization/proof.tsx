import type { ProofView } from '@perfloop/client'
import type { ReactElement } from 'react'
import { Badge } from '../../components/badge.tsx'
import { Panel } from '../../components/panel.tsx'
import { PlanWords } from '../../components/plan-words.tsx'
import { formatCount } from '../../format/number.ts'
import { SqlBlock } from '../../sql/sql-text.tsx'

const METHODS: Readonly<Record<string, string>> = {
  hypopg: 'asked of your planner with a hypothetical index (HypoPG); nothing was built',
  'statistics-copy':
    'asked of a planner on an empty copy with your statistics; your data was not touched',
  'sqlite-copy': 'asked of SQLite on an empty copy with your statistics; your data was not touched',
}

/** What the planner says with and without the change, in its costs and in words. */
export function Proof({ proof }: { proof: ProofView }): ReactElement {
  return (
    <Panel title="Proof on the planner" note={METHODS[proof.method] ?? proof.method}>
      {proof.statements.length === 0 && (
        <p className="quiet">There is no statement to prove it with.</p>
      )}
      {proof.statements.map(statement => (
        <article key={statement.statement} className="proof">
          <SqlBlock text={statement.text} />
          <div className="plans">
            <PlanSide
              title="Before"
              cost={statement.cost_before}
              most={statement.cost_before}
              words={statement.plan_before}
            />
            <PlanSide
              title="After"
              cost={statement.cost_after}
              most={statement.cost_before}
              words={statement.plan_after}
            />
          </div>
          {statement.uses_change ? (
            <Badge tone="good">
              The planner uses it: {formatFactor(statement.cost_before, statement.cost_after)}
            </Badge>
          ) : (
            <Badge tone="warn">The planner would not use it for this statement</Badge>
          )}
        </article>
      ))}
    </Panel>
  )
}

function PlanSide({
  title,
  cost,
  most,
  words,
}: {
  title: string
  cost: number
  most: number
  words: readonly string[]
}): ReactElement {
  return (
    <div className="plan-side">
      <h3>
        {title} <b>{formatCount(Math.round(cost))}</b> <small>planner cost</small>
      </h3>
      <span className="share-bar" aria-hidden="true">
        <i style={{ width: `${most <= 0 ? 0 : Math.min(100, (cost / most) * 100)}%` }} />
      </span>
      <PlanWords words={words} />
    </div>
  )
}

function formatFactor(before: number, after: number): string {
  if (after <= 0 || before <= after) return 'at the same cost'
  const factor = before / after
  return `${factor >= 10 ? formatCount(Math.round(factor)) : factor.toFixed(1)} times cheaper`
}
