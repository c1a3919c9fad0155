import { z } from 'zod'
import { NS_PER_MS } from '../../domain/duration.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import {
  recentTraces,
  slowestTraces,
  traceCount,
} from '../../store/telemetry/queries/traces.query.ts'
import { Trace, TraceListParams, TraceSummary } from '../contract/measure.ts'
import { defineEndpoint } from '../endpoint.ts'
import { filters } from '../measure-overview.ts'
import { newestFirst } from '../newest-first.ts'
import { toLimit } from '../page.ts'
import { readTrace } from '../present-trace.ts'
import { isoFromNs, type RequestRange, readRange, toUnixNs } from '../request-range.ts'

/** Spans of one trace that are answered at most: no page can show more. */
const MOST_SPANS = 20_000
/** Slow executions looked at for one trace shown: at a sampling rate of 0.1 every tenth has its spans. */
const CANDIDATES = 10

export const traceEndpoints = [
  defineEndpoint({
    name: 'traces',
    method: 'GET',
    path: '/traces',
    summary: 'Traces by their entry spans',
    access: 'read',
    query: TraceListParams,
    data: z.array(TraceSummary),
    paginated: true,
    async answer({ query, telemetry, nowUnixMs }) {
      const range = readRange(query, nowUnixMs)
      const search = {
        ...filters(query),
        operation: query.operation ?? '',
        failed: query.failed ?? ('' as const),
        min_duration_ns: Math.round((query.min_duration_ms ?? 0) * NS_PER_MS),
      }
      const inWindow = (window: RequestRange) => ({
        ...search,
        from_unix_ns: toUnixNs(window.fromUnixMs),
        to_unix_ns: toUnixNs(window.toUnixMs),
      })
      const page = toLimit(query)
      const findRows = () =>
        query.sort === 'slowest'
          ? telemetry.run(slowestTraces, {
              ...inWindow(range),
              ...page,
              candidates: CANDIDATES * (page.offset + page.limit),
            })
          : newestFirst(
              range,
              window => telemetry.run(recentTraces, { ...inWindow(window), ...page }),
              rows => rows.length >= page.limit,
            )
      const [rows, [count]] = await Promise.all([
        findRows(),
        telemetry.run(traceCount, inWindow(range)),
      ])
      return {
        total: count?.total ?? 0,
        data: rows.map(row => ({
          trace_id: row.trace_id,
          started_at: isoFromNs(row.start_unix_ns),
          duration_ns: row.duration_ns,
          root: {
            environment: row.environment,
            service: row.service,
            operation: row.operation,
            kind: row.kind,
          },
          failed: row.failed,
          query_count: row.query_count,
        })),
      }
    },
  }),
  defineEndpoint({
    name: 'trace',
    method: 'GET',
    path: '/traces/:traceId',
    summary: 'One trace with all of its stored spans',
    access: 'read',
    params: z.object({
      traceId: z
        .string()
        .regex(/^[0-9a-fA-F]{32}$/)
        .toLowerCase(),
    }),
    data: Trace,
    async answer({ params, telemetry }) {
      const trace = await readTrace(telemetry, params.traceId, MOST_SPANS)
      if (trace === undefined) throw new PerfloopError('NOT_FOUND', { trace: params.traceId })
      return { target: { type: 'trace', id: params.traceId }, data: trace }
    },
  }),
]
