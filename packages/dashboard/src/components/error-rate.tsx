import type { ReactElement } from 'react'
import { formatPercent } from '../format/number.ts'

/** Zero is quiet; anything else is marked, with a sign besides the color. */
export function ErrorRate({ ratio }: { ratio: number }): ReactElement {
  if (ratio === 0) return <span className="quiet">0 %</span>
  return <span className="error-rate">{formatPercent(ratio)}</span>
}
