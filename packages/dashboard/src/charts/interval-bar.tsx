import type { ReactElement } from 'react'
import { formatChange, formatPercent } from '../format/number.ts'

/**
 * A relative change with its confidence interval on a common scale. Left of the zero line is faster; an interval
 * that crosses it may be no change at all.
 */
export function IntervalBar({
  change,
  low,
  high,
  confidence,
  reach,
  lowerIsBetter,
}: {
  change: number
  low: number
  /** Null: too few samples to bound it. */
  high: number | null
  confidence: number
  /** Half width of the scale, as a ratio. */
  reach: number
  lowerIsBetter: boolean
}): ReactElement {
  const toX = (value: number): number => 100 + (clamp(value, reach) / reach) * 96
  const isAllBelow = high !== null && high < 0
  const isClear = low > 0 || isAllBelow
  const isBetter = lowerIsBetter ? isAllBelow : low > 0
  const tone = !isClear ? 'unclear' : isBetter ? 'better' : 'worse'
  const ends = `${formatChange(low)} to ${high === null ? 'no upper bound' : formatChange(high)}`
  const words = `${formatChange(change)}, ${formatPercent(confidence)} interval ${ends}`
  const right = high === null ? OPEN_END_X : toX(high)
  return (
    <svg
      className="interval"
      data-tone={tone}
      viewBox="0 0 200 18"
      width="200"
      height="18"
      role="img"
      aria-label={words}
    >
      <title>{words}</title>
      <line className="interval-axis" x1="2" x2="198" y1="9" y2="9" />
      <line className="interval-zero" x1="100" x2="100" y1="1" y2="17" />
      <rect
        className="interval-range"
        data-open={high === null || undefined}
        x={toX(low)}
        y="5"
        width={Math.max(2, right - toX(low))}
        height="8"
        rx="2"
      />
      <circle className="interval-point" cx={toX(change)} cy="9" r="3.5" />
    </svg>
  )
}

/** Past the end of the axis: the bar runs out of the picture. */
const OPEN_END_X = 210

function clamp(value: number, reach: number): number {
  return Math.max(-reach, Math.min(reach, value))
}
