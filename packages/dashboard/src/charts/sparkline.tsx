import type { ReactElement } from 'react'

/** A trend without axes: shape only, next to the number it belongs to. Gaps stay gaps. */
export function Sparkline({
  values,
  label,
  color = '--accent',
  width = 96,
  height = 24,
  isStretched = false,
}: {
  values: readonly (number | null)[]
  label: string
  color?: string
  width?: number
  height?: number
  /** As wide as its place. */
  isStretched?: boolean
}): ReactElement {
  const path = toSparkPath(values, width, height)
  return (
    <svg
      className={isStretched ? 'sparkline stretched' : 'sparkline'}
      width={isStretched ? '100%' : width}
      preserveAspectRatio={isStretched ? 'none' : 'xMidYMid'}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
    >
      <path className="spark-area" d={path.area} fill={`var(${color})`} />
      <path className="spark-line" d={path.line} stroke={`var(${color})`} />
    </svg>
  )
}

export function toSparkPath(
  values: readonly (number | null)[],
  width: number,
  height: number,
): { readonly line: string; readonly area: string } {
  const max = Math.max(...values.map(value => value ?? 0), 0)
  const stepX = values.length > 1 ? width / (values.length - 1) : 0
  const toY = (value: number): number =>
    max === 0 ? height - 1.5 : height - 1.5 - (value / max) * (height - 3)
  const runs: string[][] = []
  let run: string[] | undefined
  for (const [index, value] of values.entries()) {
    if (value === null) {
      run = undefined
      continue
    }
    if (run === undefined) {
      run = []
      runs.push(run)
    }
    run.push(`${(index * stepX).toFixed(1)} ${toY(value).toFixed(1)}`)
  }
  const line = runs
    .map(points => (points.length === 1 ? `M${points[0]}h1` : `M${points.join('L')}`))
    .join('')
  const area = runs
    .filter(points => points.length > 1)
    .map(points => {
      const left = points[0]?.split(' ')[0] ?? '0'
      const right = points.at(-1)?.split(' ')[0] ?? '0'
      return `M${left} ${height}L${points.join('L')}L${right} ${height}Z`
    })
    .join('')
  return { line, area }
}
