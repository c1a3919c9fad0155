import { type ReactElement, useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { formatInstantFully } from '../format/instant.ts'
import { useIsDark } from '../shell/theme.ts'
import type { ChartMarker, ChartSeries, ChartSpec } from './chart-spec.ts'
import { stack } from './time-grid.ts'

export interface ChartCanvasProps {
  readonly spec: ChartSpec
  readonly height: number
  readonly hidden: ReadonlySet<string>
  readonly onZoom?: ((fromUnixSeconds: number, toUnixSeconds: number) => void) | undefined
}

/**
 * uPlot in React: made anew when its form changes (series, theme), only fed when its numbers change, so that a
 * live chart neither flickers nor loses the cursor.
 */
export function ChartCanvas({ spec, height, hidden, onZoom }: ChartCanvasProps): ReactElement {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(null)
  const latest = useRef({ spec, onZoom })
  latest.current = { spec, onZoom }
  const isDark = useIsDark()
  const visible = spec.series.filter(series => !hidden.has(series.label))
  const shape = JSON.stringify([
    isDark,
    height,
    spec.stacked,
    spec.syncKey,
    spec.markers,
    visible.map(({ label, color, dash, shape: kind }) => [label, color, dash, kind]),
  ])

  // `shape` stands for all that needs a new plot.
  useEffect(() => {
    const element = host.current
    if (element === null) return
    const made = new uPlot(
      toOptions(element, latest.current.spec, visible, height, (from, to) =>
        latest.current.onZoom?.(from, to),
      ),
      toData(latest.current.spec, visible),
      element,
    )
    plot.current = made
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0)
      if (width > 0 && width !== made.width) made.setSize({ width, height })
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [shape])

  // `visible` changes with the spec and the shape.
  useEffect(() => {
    plot.current?.setData(toData(spec, visible))
  }, [spec])

  return <div ref={host} className="chart-canvas" />
}

function toData(spec: ChartSpec, visible: readonly ChartSeries[]): uPlot.AlignedData {
  const layers = visible.map(series => series.values)
  const drawn = spec.stacked === true ? stack(layers).reverse() : layers
  return [[...spec.times], ...drawn.map(values => [...values])] as uPlot.AlignedData
}

function toOptions(
  element: HTMLElement,
  spec: ChartSpec,
  visible: readonly ChartSeries[],
  height: number,
  onZoom: (from: number, to: number) => void,
): uPlot.Options {
  const style = getComputedStyle(element)
  const color = (name: string): string => style.getPropertyValue(name).trim()
  const font = `11px ${style.fontFamily}`
  const grid = { stroke: color('--chart-grid'), width: 1 }
  const ordered = spec.stacked === true ? [...visible].reverse() : visible
  const axis = { stroke: color('--text-3'), font, ticks: { show: false } }
  return {
    width: Math.max(100, element.clientWidth),
    height,
    padding: [8, 28, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 6, width: 1.5, fill: color('--surface') },
      drag: { x: true, y: false, setScale: false },
      ...(spec.syncKey === undefined ? {} : { sync: { key: spec.syncKey } }),
    },
    scales: {
      x: { time: true },
      y: {
        range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1],
      },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 26, gap: 6, space: 70, values: timeLabels },
      {
        ...axis,
        grid,
        size: 58,
        gap: 6,
        space: 34,
        ...(spec.isBinary === true ? { incrs: POWERS_OF_TWO } : {}),
        values: (_, splits) => {
          const toLabel = spec.axis(Math.max(...splits))
          return splits.map(toLabel)
        },
      },
    ],
    series: [{}, ...ordered.map(series => toSeries(series, spec, color))],
    plugins: [tooltip(() => spec.format, ordered, spec.stacked === true, color)],
    hooks: {
      setSelect: [
        plot => {
          const { left, width } = plot.select
          if (width < 6) return
          onZoom(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'))
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
        },
      ],
      draw: [plot => drawMarkers(plot, spec.markers ?? [], color, font)],
    },
  }
}

/** 1 byte to 512 TiB. */
const POWERS_OF_TWO = Array.from({ length: 50 }, (_, power) => 2 ** power)

function toSeries(
  series: ChartSeries,
  spec: ChartSpec,
  color: (name: string) => string,
): uPlot.Series {
  const stroke = color(series.color)
  const shape = series.shape ?? (spec.stacked === true ? 'area' : 'line')
  const bars = uPlot.paths.bars
  return {
    label: series.label,
    stroke,
    // A bar's outline would show where there is none: zero is no bar.
    width: shape === 'line' ? 1.6 : shape === 'bars' ? 0 : 1,
    spanGaps: false,
    points: { show: isLonely },
    ...(series.dash === undefined ? {} : { dash: [...series.dash] }),
    ...(shape === 'line' ? {} : { fill: spec.stacked === true ? stroke : `${stroke}cc` }),
    ...(shape === 'bars' && bars !== undefined
      ? { paths: bars({ size: [0.72, 24], radius: 0.1 }) }
      : {}),
  }
}

/** A point between two gaps has no line: it is shown as a dot rather than not at all. */
function isLonely(plot: uPlot, seriesIndex: number): boolean {
  const values = plot.data[seriesIndex] ?? []
  return values.filter(value => value !== null && value !== undefined).length <= 2
}

const HOUR_MINUTE = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const MINUTE_SECOND = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })

function timeLabels(_: uPlot, splits: number[], __: number, ___: number, step: number): string[] {
  const format = step >= 86_400 ? DAY : step >= 60 ? HOUR_MINUTE : MINUTE_SECOND
  let day = ''
  return splits.map(seconds => {
    const date = new Date(seconds * 1_000)
    const text = format.format(date)
    // Midnight says which day begins.
    const isNewDay = step < 86_400 && text.startsWith('00:00') && DAY.format(date) !== day
    day = DAY.format(date)
    return isNewDay ? day : text
  })
}

function tooltip(
  format: () => (value: number) => string,
  series: readonly ChartSeries[],
  stacked: boolean,
  color: (name: string) => string,
): uPlot.Plugin {
  const box = document.createElement('div')
  box.className = 'chart-tip'
  box.hidden = true
  return {
    hooks: {
      init: plot => {
        plot.over.append(box)
      },
      setCursor: plot => {
        const { idx, left = -1 } = plot.cursor
        if (idx === null || idx === undefined || left < 0) {
          box.hidden = true
          return
        }
        box.hidden = false
        fillTip(box, plot, idx, format(), series, stacked, color)
        const room = plot.over.clientWidth - left
        box.style.left = room < box.offsetWidth + 20 ? '' : `${left + 12}px`
        box.style.right = room < box.offsetWidth + 20 ? `${room + 12}px` : ''
      },
    },
  }
}

function fillTip(
  box: HTMLElement,
  plot: uPlot,
  index: number,
  format: (value: number) => string,
  series: readonly ChartSeries[],
  stacked: boolean,
  color: (name: string) => string,
): void {
  const head = document.createElement('strong')
  head.textContent = formatInstantFully((plot.data[0][index] ?? 0) * 1_000)
  const rows = series.map((shown, order) => {
    const value = plot.data[order + 1]?.[index] ?? null
    const below = stacked ? (plot.data[order + 2]?.[index] ?? 0) : 0
    const row = document.createElement('span')
    const mark = document.createElement('i')
    mark.style.background = color(shown.color)
    const text = document.createElement('b')
    text.textContent = value === null ? 'no data' : format(value - below)
    row.append(mark, shown.label, text)
    return row
  })
  box.replaceChildren(head, ...rows)
}

function drawMarkers(
  plot: uPlot,
  markers: readonly ChartMarker[],
  color: (name: string) => string,
  font: string,
): void {
  const { ctx, bbox } = plot
  const ratio = devicePixelRatio
  for (const marker of markers) {
    const x = Math.round(plot.valToPos(marker.unixSeconds, 'x', true))
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.save()
    ctx.strokeStyle = color('--accent')
    ctx.fillStyle = color('--accent')
    ctx.lineWidth = ratio
    ctx.setLineDash([4 * ratio, 3 * ratio])
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
    ctx.font = font.replace('11px', `${11 * ratio}px`)
    const isRight = x > bbox.left + bbox.width * 0.75
    ctx.textAlign = isRight ? 'right' : 'left'
    ctx.fillText(marker.label, x + (isRight ? -6 : 6) * ratio, bbox.top + 10 * ratio)
    ctx.restore()
  }
}
