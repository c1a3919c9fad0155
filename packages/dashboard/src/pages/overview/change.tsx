import type { ReactElement } from 'react'
import { formatChange } from '../../format/number.ts'

/** Below this much it is called the same: two windows are never equal. A matter of drawing, not a verdict. */
const NOTHING_TO_SEE = 0.02

/** Against the window of equal length just before. */
export function Change({
  now,
  past,
  better,
}: {
  now: number | undefined
  past: number | undefined
  better: 'lower' | 'neither'
}): ReactElement {
  if (now === undefined || past === undefined) return <span>no earlier data</span>
  if (past === 0) return <span>{now === 0 ? 'as before' : 'was 0'}</span>
  const change = now / past - 1
  if (Math.abs(change) < NOTHING_TO_SEE) return <span>as before</span>
  const tone = better === 'neither' ? 'neutral' : change < 0 ? 'good' : 'bad'
  return (
    <span className="change" data-tone={tone}>
      {change < 0 ? '↓' : '↑'} {formatChange(change)} <span>vs before</span>
    </span>
  )
}
