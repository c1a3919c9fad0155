import type { ControlStore } from '../store/control/control-store.ts'
import { metricServices } from '../store/telemetry/queries/metric-services.query.ts'
import { operations } from '../store/telemetry/queries/operations.query.ts'
import { serviceReds } from '../store/telemetry/queries/overview.query.ts'
import { breakdownSeries, redSeries } from '../store/telemetry/queries/red-series.query.ts'
import {
  MOST_SPARK_POINTS,
  type RollupRange,
  rollupRange,
  stepRange,
} from '../store/telemetry/queries/rollup-range.ts'
import { serviceSparks, services } from '../store/telemetry/queries/services.query.ts'
import type { RowOf } from '../store/telemetry/query.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import { ACTIVE_STATUSES } from './active-issues.ts'
import type { OperationSummary, Overview, Series, ServiceSummary } from './contract/measure.ts'
import { NO_RED, toBreakdown, toRed, toSeries } from './present-red.ts'
import { isoFromSeconds, type RequestRange } from './request-range.ts'

export interface Stores {
  readonly telemetry: TelemetryStore
  readonly control: ControlStore
}

export interface Scope {
  readonly environment?: string | undefined
  readonly service?: string | undefined
}

type ServiceRed = RowOf<typeof serviceReds>
type SeenService = RowOf<typeof services>

const SLOWEST = 10
/** Enough to count the open issues of every service: more than anybody works on. */
const MOST_ISSUES = 1_000

export async function measureOverview(
  stores: Stores,
  scope: Scope,
  range: RequestRange,
): Promise<Overview> {
  const rollup = rollupRange(range.fromUnixMs, range.toUnixMs)
  // The longest first: the store runs a few at a time.
  const reds = stores.telemetry.run(serviceReds, { ...rollup, ...filters(scope) })
  const [slowest, series, summaries, [total]] = await Promise.all([
    stores.telemetry.run(operations, {
      ...rollup,
      ...filters(scope),
      kind: 'entry',
      sort: 'total_time',
      limit: SLOWEST,
      offset: 0,
    }),
    measureSeries(stores.telemetry, { ...scope, operation: '', kind: '' }, range),
    measureServices(stores, scope, range, reds),
    reds.then(rows => rows.filter(row => row.is_total)),
  ])
  const seconds = rollup.to_s - rollup.from_s
  return {
    totals: toRed(total ?? NO_RED, seconds),
    series,
    services: summaries,
    slowest_operations: slowest.map(row => toOperationSummary(row, seconds)),
  }
}

export async function measureServices(
  { telemetry, control }: Stores,
  scope: Scope,
  range: RequestRange,
  asked?: Promise<readonly ServiceRed[]>,
): Promise<ServiceSummary[]> {
  const rollup = rollupRange(range.fromUnixMs, range.toUnixMs)
  const steps = stepRange(range.fromUnixMs, range.toUnixMs, MOST_SPARK_POINTS)
  const reds = asked ?? telemetry.run(serviceReds, { ...rollup, ...filters(scope) })
  const [rows, sparks, issues] = await Promise.all([
    findServices(telemetry, scope, rollup, reds),
    telemetry.run(serviceSparks, { ...steps, ...filters(scope) }),
    control.issues.list({ statuses: ACTIVE_STATUSES, limit: MOST_ISSUES, offset: 0 }),
  ])
  const seconds = rollup.to_s - rollup.from_s
  return rows.map(row => {
    const isSame = (other: { environment: string; service: string }) =>
      other.environment === row.environment && other.service === row.service
    return {
      environment: row.environment,
      service: row.service,
      red: toRed(row, seconds),
      operations: row.operations,
      has_spans: row.has_spans,
      open_issues: issues.rows.filter(isSame).length,
      last_seen: isoFromSeconds(row.last_seen_s),
      spark: sparks.filter(isSame).map(spark => ({
        time: isoFromSeconds(spark.step_start_s),
        calls: spark.calls,
        p95_ns: spark.p95_ns,
        errors: spark.errors,
      })),
    }
  })
}

/**
 * Those with spans, the busiest first, then those that sent metrics only: of the others no metric is read to know that they
 * were there. The RED of a service is of its requests; one of jobs has none.
 */
async function findServices(
  telemetry: TelemetryStore,
  scope: Scope,
  range: RollupRange,
  asked: Promise<readonly ServiceRed[]>,
): Promise<readonly (SeenService & ServiceRed & { readonly has_spans: boolean })[]> {
  const [known, reds] = await Promise.all([
    telemetry.run(services, { ...range, ...filters(scope) }),
    asked,
  ])
  const redOf = new Map(reds.filter(red => !red.is_total).map(red => [keyOf(red), red]))
  const { environment } = filters(scope)
  const withSpans = known
    .filter(({ last_seen_s }) => last_seen_s > 0)
    .map(row => ({ ...NO_RED, is_total: false, ...redOf.get(keyOf(row)), ...row, has_spans: true }))
    .sort((a, b) => b.duration_ns - a.duration_ns || compare(keyOf(a), keyOf(b)))
  const others = known.filter(({ last_seen_s }) => last_seen_s === 0)
  if (others.length === 0) return withSpans

  const told = await telemetry.run(metricServices, {
    environment,
    services: [...new Set(others.map(({ service }) => service))],
    from_s: range.from_s,
    to_s: range.to_s,
  })
  const isOther = new Set(others.map(keyOf))
  const withoutSpans = told
    .filter(row => isOther.has(keyOf(row)))
    .map(row => ({ ...NO_RED, is_total: false, ...row, operations: 0, has_spans: false }))
  return [...withSpans, ...withoutSpans]
}

function keyOf({ environment, service }: { environment: string; service: string }): string {
  return JSON.stringify([environment, service])
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Of one operation, or (operation empty) of all requests in scope. */
export async function measureSeries(
  telemetry: TelemetryStore,
  { operation, kind, ...scope }: Scope & { readonly operation: string; readonly kind: string },
  range: RequestRange,
): Promise<Series> {
  const steps = stepRange(range.fromUnixMs, range.toUnixMs)
  const params = { ...steps, ...filters(scope), operation, kind }
  const [red, breakdown] = await Promise.all([
    telemetry.run(redSeries, params),
    telemetry.run(breakdownSeries, params),
  ])
  return toSeries(steps, red, breakdown)
}

export function toOperationSummary(
  row: RowOf<typeof operations>,
  seconds: number,
): OperationSummary {
  return {
    environment: row.environment,
    service: row.service,
    operation: row.operation,
    kind: row.kind,
    red: toRed(row, seconds),
    breakdown: toBreakdown(row),
    total_time_share: row.entry_duration_ns > 0 ? row.duration_ns / row.entry_duration_ns : 0,
  }
}

/** Queries take an empty text for any. */
export function filters({ environment, service }: Scope): { environment: string; service: string } {
  return { environment: environment ?? '', service: service ?? '' }
}
