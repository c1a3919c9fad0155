import type { Agent } from '../agent.ts'
import { unixMs } from '../own-clock.ts'

/** As in OpenTelemetry: a counter only grows, and is told by its whole sum. */
export type MetricType = 'gauge' | 'counter' | 'up-down-counter' | 'histogram'

export interface MetricDefinition {
  /** By the semantic conventions where they have one. */
  readonly name: string
  /** UCUM: `s`, `By`, `1`, `{connection}`. */
  readonly unit: string
}

export type MetricAttributes = Readonly<Record<string, string | number>>

export type Observe = (value: number, attributes?: MetricAttributes) => void

/** A metric on its way to the exporting thread. */
export interface SentMetric extends MetricDefinition {
  readonly type: MetricType
  readonly points: SentPoint[]
}

export interface SentPoint {
  /** Of a distribution: its sum. */
  readonly value: number
  readonly attributes: MetricAttributes
  readonly distribution?: {
    readonly count: number
    readonly bounds: readonly number[]
    readonly counts: Float64Array
  }
}

export interface SentMetrics {
  readonly type: 'metrics'
  readonly startUnixMs: number
  readonly timeUnixMs: number
  readonly metrics: readonly SentMetric[]
}

/** Far beyond what a process has; so that a mistake cannot fill the memory. */
const MOST_INSTRUMENTS = 500
const MOST_POINTS = 2_000
const NO_ATTRIBUTES: MetricAttributes = {}

/** Counts values in fixed buckets, without allocating. It tells all since the start, so that a lost message loses nothing. */
export class Histogram {
  readonly definition: MetricDefinition
  readonly attributes: MetricAttributes
  readonly bounds: readonly number[]
  readonly counts: Float64Array
  count = 0
  sum = 0

  constructor(
    definition: MetricDefinition,
    bounds: readonly number[],
    attributes: MetricAttributes,
  ) {
    this.definition = definition
    this.bounds = bounds
    this.attributes = attributes
    this.counts = new Float64Array(bounds.length + 1)
  }

  record(value: number): void {
    if (!Number.isFinite(value)) return
    const { bounds, counts } = this
    let bucket = 0
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++
    counts[bucket] = (counts[bucket] as number) + 1
    this.count++
    this.sum += value
  }
}

interface Observed {
  readonly definition: MetricDefinition
  readonly type: MetricType
  readonly read: (observe: Observe) => void
}

/** What is measured of the process, asked for at each collection. */
export class Metrics {
  readonly #observed = new Set<Observed>()
  readonly #histograms = new Set<Histogram>()
  readonly #report: Agent['report']
  readonly #startUnixMs = unixMs()

  constructor(report: Agent['report']) {
    this.#report = report
  }

  /** Values that somebody else holds: `read` tells each of them. Answers how to stop that. */
  observe(
    type: Exclude<MetricType, 'histogram'>,
    definition: MetricDefinition,
    read: (observe: Observe) => void,
  ): () => void {
    const observed = { type, definition, read }
    if (this.#hasRoom()) this.#observed.add(observed)
    return () => this.#observed.delete(observed)
  }

  /** One for each name and set of attributes; `bounds` ascend. */
  histogram(
    definition: MetricDefinition,
    bounds: readonly number[],
    attributes: MetricAttributes = NO_ATTRIBUTES,
  ): Histogram {
    const histogram = new Histogram(definition, bounds, attributes)
    if (this.#hasRoom()) this.#histograms.add(histogram)
    return histogram
  }

  forget(histogram: Histogram): void {
    this.#histograms.delete(histogram)
  }

  #hasRoom(): boolean {
    if (this.#observed.size + this.#histograms.size < MOST_INSTRUMENTS) return true
    this.#report('measuring', new Error(`there are more than ${MOST_INSTRUMENTS} metrics`))
    return false
  }

  collect(): SentMetrics {
    const byName = new Map<string, SentMetric>()
    let points = 0
    const add = (definition: MetricDefinition, type: MetricType, point: SentPoint) => {
      if (points++ >= MOST_POINTS || !Number.isFinite(point.value)) return
      const { name, unit } = definition
      const metric = byName.get(name)
      if (metric === undefined) byName.set(name, { name, unit, type, points: [point] })
      else metric.points.push(point)
    }
    for (const { definition, type, read } of this.#observed) {
      try {
        read((value, attributes = NO_ATTRIBUTES) => add(definition, type, { value, attributes }))
      } catch (error) {
        this.#report(`measuring ${definition.name}`, error)
      }
    }
    for (const { definition, attributes, bounds, counts, count, sum } of this.#histograms) {
      if (count === 0) continue
      const distribution = { count, bounds, counts }
      add(definition, 'histogram', { value: sum, attributes, distribution })
    }
    return {
      type: 'metrics',
      startUnixMs: this.#startUnixMs,
      timeUnixMs: unixMs(),
      metrics: [...byName.values()],
    }
  }
}
