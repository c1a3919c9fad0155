import type { Breakdown } from '@perfloop/client'
import type { ReactElement } from 'react'
import { formatDuration } from '../format/duration.ts'
import { formatPercent } from '../format/number.ts'

export const BREAKDOWN_PARTS = [
  { key: 'db_ns', label: 'Database', color: '--c-db' },
  { key: 'render_ns', label: 'Render', color: '--c-render' },
  { key: 'external_ns', label: 'External', color: '--c-external' },
  { key: 'self_ns', label: 'Self', color: '--c-self' },
] as const

/** What one execution's time is spent on, as one bar. */
export function BreakdownBar({
  breakdown,
  withLegend = false,
}: {
  breakdown: Pick<Breakdown, 'total_ns' | 'db_ns' | 'render_ns' | 'external_ns' | 'self_ns'>
  withLegend?: boolean
}): ReactElement {
  const sum = BREAKDOWN_PARTS.reduce((total, { key }) => total + breakdown[key], 0)
  const parts = BREAKDOWN_PARTS.map(part => ({
    ...part,
    ns: breakdown[part.key],
    share: sum === 0 ? 0 : breakdown[part.key] / sum,
  }))
  const words = parts
    .filter(({ ns }) => ns > 0)
    .map(({ label, ns, share }) => `${label} ${formatDuration(ns)} (${formatPercent(share)})`)
    .join(', ')
  return (
    <div className="breakdown">
      <div className="breakdown-bar" role="img" aria-label={words} title={words}>
        {parts.map(({ key, color, share }) => (
          <i key={key} style={{ width: `${share * 100}%`, background: `var(${color})` }} />
        ))}
      </div>
      {withLegend && (
        <ul className="breakdown-legend">
          {parts.map(({ key, label, color, ns, share }) => (
            <li key={key}>
              <i style={{ background: `var(${color})` }} />
              <span>{label}</span>
              <b>{formatDuration(ns)}</b>
              <small>{formatPercent(share)}</small>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

/** A share of a whole as a thin bar behind nothing: for columns that are compared by eye. */
export function ShareBar({ share, label }: { share: number; label: string }): ReactElement {
  const percent = Math.max(0, Math.min(1, share)) * 100
  return (
    <span className="share">
      <span>{label}</span>
      <span className="share-bar" aria-hidden="true">
        <i style={{ width: `${percent}%` }} />
      </span>
    </span>
  )
}
