import { z } from 'zod'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import { measurements } from '../../store/telemetry/queries/measurements.query.ts'
import { operationFirstSeen, operations } from '../../store/telemetry/queries/operations.query.ts'
import { DAY_S, floorTo, rollupRange } from '../../store/telemetry/queries/rollup-range.ts'
import { PageParams } from '../contract/envelope.ts'
import {
  Measurement,
  MeasurementListParams,
  OperationDetail,
  OperationListParams,
  OperationParams,
  OperationSummary,
  Series,
  StatementSummary,
} from '../contract/measure.ts'
import { defineEndpoint } from '../endpoint.ts'
import { measureOperationStatements } from '../measure-operation-statements.ts'
import { filters, measureSeries, toOperationSummary } from '../measure-overview.ts'
import { toLimit } from '../page.ts'
import { traceOrNull } from '../present-trace.ts'
import { isoFromNs, isoFromSeconds, readRange, toUnixNs } from '../request-range.ts'

export const operationEndpoints = [
  defineEndpoint({
    name: 'measure.operations',
    method: 'GET',
    path: '/measure/operations',
    summary: 'Operations with their rate, errors, duration and breakdown',
    access: 'read',
    query: OperationListParams,
    data: z.array(OperationSummary),
    paginated: true,
    async answer({ query, telemetry, nowUnixMs }) {
      const range = readRange(query, nowUnixMs)
      const rollup = rollupRange(range.fromUnixMs, range.toUnixMs)
      const rows = await telemetry.run(operations, {
        ...rollup,
        ...filters(query),
        kind: query.kind,
        search: query.search ?? '',
        sort: query.sort,
        ...toLimit(query),
      })
      return {
        data: rows.map(row => toOperationSummary(row, rollup.to_s - rollup.from_s)),
        total: rows[0]?.total ?? 0,
      }
    },
  }),
  defineEndpoint({
    name: 'measure.operation',
    method: 'GET',
    path: '/measure/operation',
    summary: 'One operation',
    access: 'read',
    query: OperationParams,
    data: OperationDetail,
    async answer({ query, telemetry, nowUnixMs }) {
      const { environment, service, operation, kind } = query
      const key = { environment, service, operation, kind }
      const range = readRange(query, nowUnixMs)
      const rollup = rollupRange(range.fromUnixMs, range.toUnixMs)
      const [rows, seen] = await Promise.all([
        telemetry.run(operations, { ...rollup, ...key, limit: 1, offset: 0 }),
        telemetry.run(operationFirstSeen, key),
      ])
      const [row] = rows
      if (row === undefined) throw new PerfloopError('NOT_FOUND', key)
      return {
        target: { type: 'operation', id: operation },
        data: {
          ...toOperationSummary(row, rollup.to_s - rollup.from_s),
          first_seen: seen[0] ? firstSeen(seen[0]) : null,
          slowest_trace: traceOrNull(row.slowest_trace),
          failed_trace: traceOrNull(row.failed_trace),
        },
      }
    },
  }),
  defineEndpoint({
    name: 'measure.operation.series',
    method: 'GET',
    path: '/measure/operation/series',
    summary: 'One operation over time: percentiles, errors and what its time was spent on',
    access: 'read',
    query: OperationParams,
    data: Series,
    answer: async ({ query, telemetry, nowUnixMs }) => ({
      target: { type: 'operation', id: query.operation },
      data: await measureSeries(telemetry, query, readRange(query, nowUnixMs)),
    }),
  }),
  defineEndpoint({
    name: 'measure.operation.statements',
    method: 'GET',
    path: '/measure/operation/statements',
    summary: 'Statements that one operation issues, scaled from its newest executions',
    access: 'read',
    query: OperationParams.extend(PageParams.shape),
    data: z.array(StatementSummary),
    paginated: true,
    async answer({ query, telemetry, nowUnixMs }) {
      const rows = await measureOperationStatements(telemetry, query, readRange(query, nowUnixMs))
      const { limit, offset } = toLimit(query)
      return {
        target: { type: 'operation', id: query.operation },
        total: rows.length,
        data: rows.slice(offset, offset + limit),
      }
    },
  }),
  defineEndpoint({
    name: 'measure.operation.measurements',
    method: 'GET',
    path: '/measure/operation/measurements',
    summary: 'Single executions of one operation',
    access: 'read',
    query: MeasurementListParams,
    data: z.array(Measurement),
    paginated: true,
    async answer({ query, telemetry, nowUnixMs }) {
      const { environment, service, operation, kind, sort } = query
      const range = readRange(query, nowUnixMs)
      const rows = await telemetry.run(measurements, {
        environment,
        service,
        operation,
        kind,
        sort,
        from_unix_ns: toUnixNs(range.fromUnixMs),
        to_unix_ns: toUnixNs(range.toUnixMs),
        ...toLimit(query),
      })
      return {
        target: { type: 'operation', id: operation },
        total: rows[0]?.total ?? 0,
        data: rows.map(({ total: _total, start_unix_ns, status_code, ...row }) => ({
          ...row,
          started_at: isoFromNs(start_unix_ns),
          status_code: status_code || null,
        })),
      }
    },
  }),
]

/** Days go back further than minutes; where the minutes of the first day are still there they are more exact. */
function firstSeen({ minute_s, day_s }: { minute_s: number; day_s: number }): string | null {
  if (minute_s === 0 && day_s === 0) return null
  if (day_s === 0 || (minute_s > 0 && floorTo(minute_s, DAY_S) <= day_s)) {
    return isoFromSeconds(minute_s)
  }
  return isoFromSeconds(day_s)
}
