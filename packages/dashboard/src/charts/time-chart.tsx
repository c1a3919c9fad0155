import { lazy, type ReactElement, Suspense, useState } from 'react'
import { formatInstantFully } from '../format/instant.ts'
import type { ChartSpec } from './chart-spec.ts'

const ChartCanvas = lazy(async () => {
  const { ChartCanvas: component } = await import('./chart-canvas.tsx')
  return { default: component }
})

export interface TimeChartProps {
  readonly spec: ChartSpec
  readonly height?: number
  /** A range dragged out on the chart. */
  readonly onZoom?: ((fromUnixSeconds: number, toUnixSeconds: number) => void) | undefined
  readonly emptyText?: string
}

/** A chart over time with its legend and, for those who cannot see it or want the numbers, its data as a table. */
export function TimeChart({
  spec,
  height = 180,
  onZoom,
  emptyText = 'Nothing was measured in this range.',
}: TimeChartProps): ReactElement {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const [isTable, setTable] = useState(false)
  const isEmpty = spec.series.every(series => series.values.every(value => value === null))
  const toggle = (label: string): void => {
    const next = new Set(hidden)
    if (!next.delete(label)) next.add(label)
    setHidden(next)
  }
  return (
    <figure className="chart" aria-label={spec.label}>
      <figcaption className="legend">
        {spec.series.map(series => (
          <button
            key={series.label}
            type="button"
            aria-pressed={!hidden.has(series.label)}
            title="Show or hide"
            onClick={() => toggle(series.label)}
          >
            <Swatch
              color={series.color}
              dash={series.dash}
              shape={series.shape ?? (spec.stacked === true ? 'area' : 'line')}
            />
            {series.label}
          </button>
        ))}
        <button
          type="button"
          className="as-table"
          aria-pressed={isTable}
          onClick={() => setTable(!isTable)}
        >
          Table
        </button>
      </figcaption>
      <div className="chart-frame" style={{ height }}>
        {isEmpty ? (
          <p className="chart-empty">{emptyText}</p>
        ) : isTable ? (
          <ChartTable spec={spec} />
        ) : (
          <Suspense fallback={<div className="skeleton" style={{ height }} />}>
            <ChartCanvas spec={spec} height={height} hidden={hidden} onZoom={onZoom} />
          </Suspense>
        )}
      </div>
    </figure>
  )
}

function Swatch({
  color,
  dash,
  shape = 'line',
}: {
  color: string
  dash: readonly number[] | undefined
  shape: 'line' | 'area' | 'bars' | undefined
}): ReactElement {
  return (
    <svg width="14" height="10" viewBox="0 0 14 10" aria-hidden="true">
      {shape === 'line' ? (
        <line
          x1="0"
          y1="5"
          x2="14"
          y2="5"
          stroke={`var(${color})`}
          strokeWidth="2"
          strokeDasharray={dash?.join(' ')}
        />
      ) : (
        <rect x="2" y="0" width="10" height="10" rx="2" fill={`var(${color})`} />
      )}
    </svg>
  )
}

function ChartTable({ spec }: { spec: ChartSpec }): ReactElement {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section className="chart-table" tabIndex={0} aria-label={`${spec.label}, as a table`}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Time</th>
            {spec.series.map(series => (
              <th key={series.label} scope="col" data-align="end">
                {series.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {spec.times.map((time, index) => (
            <tr key={time}>
              <th scope="row">{formatInstantFully(time * 1_000)}</th>
              {spec.series.map(series => {
                const value = series.values[index]
                return (
                  <td key={series.label} data-align="end">
                    {value === null || value === undefined ? '–' : spec.format(value)}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
