import { groupBy } from '../../domain/group-by.ts'
import type { RuntimeQuantity } from '../../domain/runtime-metric.ts'
import {
  addBuckets,
  type Buckets,
  bucketGrowth,
  NO_BUCKETS,
  scaleBuckets,
} from '../../statistics/buckets.ts'
import { counterGrowth, type Growth, spreadOverSteps } from '../../statistics/increase.ts'
import type { runtimeCounters } from '../../store/telemetry/queries/runtime-counters.query.ts'
import type { runtimeDistributions } from '../../store/telemetry/queries/runtime-distributions.query.ts'
import type { runtimeLevels } from '../../store/telemetry/queries/runtime-levels.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { type PlacedPoint, placePoint, readAttributes } from './metric-point.ts'

/** One quantity of one part of one instance, by step. */
export interface QuantitySeries<Value = number> {
  readonly quantity: RuntimeQuantity
  readonly instance: string
  readonly part: string
  readonly bySteps: Map<number, Value>
}

export interface Distribution {
  readonly buckets: Buckets
  /** How much of the step it tells of. */
  readonly coveredS: number
}

export interface Steps {
  readonly fromS: number
  readonly stepS: number
}

/** SDKs export once a minute unless they are told otherwise: so long, what was told last still holds. */
const HOLE_S = 150

interface Found<Row> {
  readonly place: PlacedPoint
  readonly instance: string
  readonly rows: Row[]
}

/** What holds at each step: the mean, or the most where a moment is what counts. */
export function levelSeries(
  rows: readonly RowOf<typeof runtimeLevels>[],
  instanceOf: ReadonlyMap<string, string>,
  { stepS }: Steps,
): readonly QuantitySeries[] {
  const sources = sourcesOf(rows, instanceOf, row => readAttributes(row.attributes))
  return merge(sources, ({ place, rows: own }) => {
    const pick = MOMENTS.has(place.metric.quantity) ? 'max' : 'mean'
    const bySteps = new Map<number, number>()
    for (const row of own) {
      // A process that began anew within the step told it twice.
      const value = row[pick] * (place.metric.factor ?? 1)
      bySteps.set(row.step_start_s, Math.max(value, bySteps.get(row.step_start_s) ?? value))
    }
    return closeHoles(bySteps, stepS)
  })
}

const MOMENTS: ReadonlySet<RuntimeQuantity> = new Set([
  'pool_pending',
  'loop_delay_p99',
  'loop_delay_max',
])

/** Growth of counters in a second. */
export function rateSeries(
  rows: readonly RowOf<typeof runtimeCounters>[],
  instanceOf: ReadonlyMap<string, string>,
  steps: Steps,
): readonly QuantitySeries[] {
  const sources = sourcesOf(rows, instanceOf, row => readAttributes(row.attributes))
  return merge(sources, ({ place, rows: own }) => {
    const growth = streamsOf(own).flatMap(stream => growthOf(stream, steps))
    const bySteps = new Map<number, number>()
    for (const [step, { amount, coveredS }] of spread(growth, steps)) {
      // Of two processes under one name each adds its own; their time is the same.
      const rate = (amount * (place.metric.factor ?? 1)) / Math.min(coveredS, steps.stepS)
      bySteps.set(step, rate)
    }
    return bySteps
  })
}

/** What was added to distributions in each step. */
export function distributionSeries(
  rows: readonly RowOf<typeof runtimeDistributions>[],
  instanceOf: ReadonlyMap<string, string>,
  steps: Steps,
): readonly QuantitySeries<Distribution>[] {
  const sources = sourcesOf(rows, instanceOf, row =>
    Object.fromEntries(Object.entries(row.attributes).map(([key, json]) => [key, plainText(json)])),
  )
  const series = new Map<string, QuantitySeries<Distribution>>()
  for (const { place, instance, rows: own } of chosen(sources)) {
    const { quantity, factor = 1 } = place.metric
    const one = taken(series, quantity, instance, place.part)
    for (const stream of streamsOf(own)) {
      for (const { buckets, ...growth } of bucketGrowths(stream, steps)) {
        const lengthS = growth.toS - growth.fromS
        for (const [step, { coveredS }] of spread([{ ...growth, amount: 0 }], steps)) {
          const share = scaleBuckets(inUnit(buckets, factor), coveredS / lengthS)
          const known = one.bySteps.get(step)
          one.bySteps.set(step, {
            buckets: addBuckets(known?.buckets ?? NO_BUCKETS, share),
            coveredS: Math.min(steps.stepS, (known?.coveredS ?? 0) + coveredS),
          })
        }
      }
    }
  }
  return [...series.values()]
}

interface StreamRow {
  readonly resource: string
  readonly is_delta: boolean
  readonly start_unix_ms: number
  readonly step_start_s: number
  readonly last_unix_s: number
}

/** A stream is what one process tells from its start on. */
function streamsOf<Row extends StreamRow>(rows: readonly Row[]): readonly (readonly Row[])[] {
  return [...groupBy(rows, row => `${row.resource} ${row.start_unix_ms}`).values()]
}

function growthOf(
  stream: readonly RowOf<typeof runtimeCounters>[],
  { fromS, stepS }: Steps,
): readonly Growth[] {
  const [first] = stream
  if (first === undefined) return []
  if (first.is_delta) {
    return stream.map((row, index) => ({ ...span(stream, index, stepS), amount: row.value }))
  }
  return counterGrowth(
    stream.map(row => ({ unixS: row.last_unix_s, value: row.value })),
    first.start_unix_ms / 1_000,
    fromS,
  )
}

function bucketGrowths(
  stream: readonly RowOf<typeof runtimeDistributions>[],
  { fromS, stepS }: Steps,
): readonly (Omit<Growth, 'amount'> & { readonly buckets: Buckets })[] {
  const [first] = stream
  if (first === undefined) return []
  if (first.is_delta) {
    return stream.map((row, index) => ({ ...span(stream, index, stepS), buckets: row }))
  }
  const startS = first.start_unix_ms / 1_000
  return stream.flatMap((row, index) => {
    const before = stream[index - 1]
    if (before !== undefined) {
      const buckets = bucketGrowth(before, row)
      return [{ fromS: before.last_unix_s, toS: row.last_unix_s, buckets }]
    }
    return startS >= fromS ? [{ fromS: startS, toS: row.last_unix_s, buckets: row }] : []
  })
}

/** What a delta tells of: since the one before, or since its step began. */
function span(rows: readonly StreamRow[], index: number, stepS: number): Omit<Growth, 'amount'> {
  const row = rows[index]
  const toS = row?.last_unix_s ?? 0
  const beforeS = rows[index - 1]?.last_unix_s ?? Number.NEGATIVE_INFINITY
  const stepStartS = row?.step_start_s ?? 0
  const fromS = toS - beforeS <= longest(stepS) ? beforeS : stepStartS
  return { fromS: fromS < toS ? fromS : toS - 1, toS }
}

function spread(growth: readonly Growth[], { stepS }: Steps): ReturnType<typeof spreadOverSteps> {
  return spreadOverSteps(growth, stepS, longest(stepS))
}

function longest(stepS: number): number {
  return Math.max(HOLE_S, 2 * stepS)
}

interface SourceRow {
  readonly name: string
  readonly resource: string
  readonly attributes: string | Readonly<Record<string, string>>
}

/** Rows of one series of points, whichever process of the instance told them. Attributes are read once for each. */
function sourcesOf<Row extends SourceRow>(
  rows: readonly Row[],
  instanceOf: ReadonlyMap<string, string>,
  attributesOf: (row: Row) => Readonly<Record<string, string>>,
): readonly Found<Row>[] {
  const sources = new Map<string, Found<Row> | undefined>()
  for (const row of rows) {
    const instance = instanceOf.get(row.resource)
    if (instance === undefined) continue
    const key = JSON.stringify([row.name, instance, row.attributes])
    if (!sources.has(key)) {
      const place = placePoint(row.name, attributesOf(row))
      sources.set(key, place && { place, instance, rows: [] })
    }
    sources.get(key)?.rows.push(row)
  }
  return [...sources.values()].filter(source => source !== undefined)
}

/** Of several metrics of one quantity, an instance's first: more would count the same twice. */
function chosen<Row>(sources: readonly Found<Row>[]): readonly Found<Row>[] {
  const best = new Map<string, number>()
  const key = ({ place, instance }: Found<Row>) => `${place.metric.quantity} ${instance}`
  for (const source of sources) {
    const { rank } = source.place
    best.set(key(source), Math.min(rank, best.get(key(source)) ?? rank))
  }
  return sources.filter(source => source.place.rank === best.get(key(source)))
}

function partOf<Row>({ place, instance }: Found<Row>): string {
  return JSON.stringify([place.metric.quantity, instance, place.part])
}

/** Points of one part that differ in other attributes are added up; those of several cores are one host's. */
function merge<Row>(
  sources: readonly Found<Row>[],
  valuesOf: (source: Found<Row>) => ReadonlyMap<number, number>,
): readonly QuantitySeries[] {
  const series = new Map<string, QuantitySeries>()
  for (const group of groupBy(chosen(sources), partOf).values()) {
    const units = new Set(group.map(({ place }) => place.unit)).size
    for (const source of group) {
      const { place, instance } = source
      const { bySteps } = taken(series, place.metric.quantity, instance, place.part)
      for (const [step, value] of valuesOf(source)) {
        bySteps.set(step, (bySteps.get(step) ?? 0) + value / units)
      }
    }
  }
  return [...series.values()]
}

function taken<Value>(
  series: Map<string, QuantitySeries<Value>>,
  quantity: RuntimeQuantity,
  instance: string,
  part: string,
): QuantitySeries<Value> {
  const key = JSON.stringify([quantity, instance, part])
  const known = series.get(key)
  if (known !== undefined) return known
  const one: QuantitySeries<Value> = { quantity, instance, part, bySteps: new Map() }
  series.set(key, one)
  return one
}

function closeHoles(bySteps: Map<number, number>, stepS: number): ReadonlyMap<number, number> {
  const steps = [...bySteps.keys()].sort((a, b) => a - b)
  for (const [index, step] of steps.entries()) {
    const next = steps[index + 1]
    const value = bySteps.get(step)
    if (next === undefined || value === undefined || next - step > HOLE_S) continue
    for (let hole = step + stepS; hole < next; hole += stepS) bySteps.set(hole, value)
  }
  return bySteps
}

function inUnit(buckets: Buckets, factor: number): Buckets {
  if (factor === 1) return buckets
  const { count, sum, bounds, counts } = buckets
  return { count, sum: sum * factor, bounds: bounds.map(bound => bound * factor), counts }
}

function plainText(json: string): string {
  try {
    return String(JSON.parse(json))
  } catch {
    return json
  }
}
