import type { Issue } from '@perfloop/client'
import type { ReactElement } from 'react'
import { toWords } from '../format/label.ts'

const RANK: Readonly<Record<Issue['severity'], number>> = {
  low: 1,
  medium: 2,
  high: 3,
  critical: 4,
}

/** Four bars, as many filled as it is bad: readable without color. */
export function Severity({
  severity,
  withLabel = false,
}: {
  severity: Issue['severity']
  withLabel?: boolean
}): ReactElement {
  return (
    <span className="severity" data-severity={severity} title={`${toWords(severity)} severity`}>
      <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
        {[1, 2, 3, 4].map(rank => (
          <rect
            key={rank}
            className={rank <= RANK[severity] ? 'on' : 'off'}
            x={(rank - 1) * 3.6}
            y={13 - rank * 3}
            width="2.6"
            height={rank * 3}
            rx="0.8"
          />
        ))}
      </svg>
      <span className={withLabel ? undefined : 'visually-hidden'}>
        {toWords(severity)}
        {withLabel ? '' : ' severity'}
      </span>
    </span>
  )
}
