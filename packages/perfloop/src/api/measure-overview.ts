import type { ControlStore } from '../store/control/control-store.ts'
import type { operations } from '../store/telemetry/queries/operations.query.ts'
import { overviewTotals } from '../store/telemetry/queries/overview.query.ts'
import { breakdownSeries, redSeries } from '../store/telemetry/queries/red-series.query.ts'
import {
  MOST_SPARK_POINTS,
  type RollupRange,
  rollupRange,
  stepRange,
} from '../store/telemetry/queries/rollup-range.ts'
import { metricServices, senders } from '../store/telemetry/queries/senders.query.ts'
import { serviceSparks, services } from '../store/telemetry/queries/services.query.ts'
import type { RowOf } from '../store/telemetry/query.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import { ACTIVE_STATUSES } from './active-issues.ts'
import type { OperationSummary, Overview, Series, ServiceSummary } from './contract/measure.ts'
import { listOperations } from './list-operations.ts'
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
  const [slowest, series, summaries, totals] = await Promise.all([
    listOperations(stores.telemetry, {
      ...rollup,
      ...filters(scope),
      kind: 'entry',
      sort: 'total_time',
      limit: SLOWEST,
      offset: 0,
    }),
    measureSeries(stores.telemetry, { ...scope, operation: '', kind: '' }, range),
    measureServices(stores, scope, range),
    stores.telemetry.run(overviewTotals, { ...rollup, ...filters(scope) }),
  ])
  const seconds = rollup.to_s - rollup.from_s
  return {
    totals: toRed(totals[0] ?? NO_RED, seconds),
    series,
    services: summaries,
    slowest_operations: slowest.map(row => toOperationSummary(row, seconds)),
  }
}

export async function measureServices(
  { telemetry, control }: Stores,
  scope: Scope,
  range: RequestRange,
): Promise<ServiceSummary[]> {
  const rollup = rollupRange(range.fromUnixMs, range.toUnixMs)
  const steps = stepRange(range.fromUnixMs, range.toUnixMs, MOST_SPARK_POINTS)
  const [rows, sparks, issues] = await Promise.all([
    findServices(telemetry, scope, rollup),
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

/** Those with spans, then those that sent metrics only: of the others no metric is read to know that they were there. */
async function findServices(
  telemetry: TelemetryStore,
  scope: Scope,
  range: RollupRange,
): Promise<readonly (RowOf<typeof services> & { readonly has_spans: boolean })[]> {
  const { environment, service } = filters(scope)
  const { from_s, to_s } = range
  const [rows, known] = await Promise.all([
    telemetry.run(services, { ...range, environment, service }),
    telemetry.run(senders, { environment, service, from_s }),
  ])
  const keyOf = (one: { environment: string; service: string }) =>
    JSON.stringify([one.environment, one.service])
  const seen = new Set(rows.map(keyOf))
  const others = known.filter(sender => !seen.has(keyOf(sender)))
  const withSpans = rows.map(row => ({ ...row, has_spans: true }))
  if (others.length === 0) return withSpans
  const names = [...new Set(others.map(sender => sender.service))]
  const told = await telemetry.run(metricServices, { environment, services: names, from_s, to_s })
  return [
    ...withSpans,
    ...told
      .filter(row => !seen.has(keyOf(row)))
      .map(row => ({ ...NO_RED, ...row, operations: 0, has_spans: false })),
  ]
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
