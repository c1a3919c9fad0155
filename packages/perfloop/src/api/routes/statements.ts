import { z } from 'zod'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import { models } from '../../store/telemetry/queries/models.query.ts'
import { rollupRange } from '../../store/telemetry/queries/rollup-range.ts'
import { statementCallers, statements } from '../../store/telemetry/queries/statements.query.ts'
import { statementPlan } from '../../store/telemetry/queries/target-facts.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { PlanFact } from '../../store/telemetry/target-facts.ts'
import type { TelemetryStore } from '../../store/telemetry/telemetry-store.ts'
import { PageParams, ScopeParams } from '../contract/envelope.ts'
import {
  ModelSummary,
  StatementDetail,
  StatementListParams,
  StatementSummary,
} from '../contract/measure.ts'
import { defineEndpoint } from '../endpoint.ts'
import { measureOperationStatements } from '../measure-operation-statements.ts'
import { filters } from '../measure-overview.ts'
import { newestFirst } from '../newest-first.ts'
import { toLimit } from '../page.ts'
import { toRed } from '../present-red.ts'
import { traceOrNull } from '../present-trace.ts'
import { type RequestRange, readRange, toUnixNs } from '../request-range.ts'

/** Newest spans of a statement that its callers are counted from. */
const SAMPLED_CALLS = 500

const PlanWords = PlanFact.pick({ words: true })

export const statementEndpoints = [
  defineEndpoint({
    name: 'measure.statements',
    method: 'GET',
    path: '/measure/statements',
    summary: 'Statement patterns with their rate, errors and duration',
    access: 'read',
    query: StatementListParams,
    data: z.array(StatementSummary),
    paginated: true,
    async answer({ query, telemetry, nowUnixMs }) {
      const range = readRange(query, nowUnixMs)
      if (query.operation !== undefined) return statementsOfOperation(telemetry, query, range)
      const rollup = rollupRange(range.fromUnixMs, range.toUnixMs)
      const rows = await telemetry.run(statements, {
        ...rollup,
        ...filters(query),
        search: query.search ?? '',
        sort: query.sort,
        ...toLimit(query),
      })
      return {
        data: rows.map(row => toStatementSummary(row, rollup.to_s - rollup.from_s)),
        total: rows[0]?.total ?? 0,
      }
    },
  }),
  defineEndpoint({
    name: 'measure.statement',
    method: 'GET',
    path: '/measure/statements/:fingerprint',
    summary: 'One statement pattern, who issues it and its newest plan',
    access: 'read',
    params: z.object({ fingerprint: z.string().describe('16 hexadecimal digits') }),
    query: ScopeParams,
    data: StatementDetail,
    async answer({ params, query, telemetry, nowUnixMs }) {
      const statement = params.fingerprint
      const range = readRange(query, nowUnixMs)
      const rollup = rollupRange(range.fromUnixMs, range.toUnixMs)
      const scope = filters(query)
      const [rows, callers, plans] = await Promise.all([
        telemetry.run(statements, { ...rollup, ...scope, statement, limit: 1, offset: 0 }),
        newestFirst(
          range,
          window =>
            telemetry.run(statementCallers, {
              ...scope,
              statement,
              from_unix_ns: toUnixNs(window.fromUnixMs),
              to_unix_ns: toUnixNs(window.toUnixMs),
              calls: SAMPLED_CALLS,
            }),
          found => (found[0]?.sampled ?? 0) >= SAMPLED_CALLS,
        ),
        telemetry.run(statementPlan, { environment: scope.environment, statement }),
      ])
      const [row] = rows
      if (row === undefined) throw new PerfloopError('NOT_FOUND', { statement })
      const [plan] = plans
      return {
        target: { type: 'statement', id: statement },
        data: {
          ...toStatementSummary(row, rollup.to_s - rollup.from_s),
          callers: callers.map(({ seen, sampled: _sampled, ...caller }) => ({
            ...caller,
            calls: (caller.calls / seen) * row.calls,
            total_ns: (caller.total_ns / seen) * row.calls,
          })),
          plan: plan
            ? {
                target: plan.target,
                collected_at: new Date(plan.collected_unix_ms).toISOString(),
                words: PlanWords.parse(JSON.parse(plan.document)).words,
              }
            : null,
        },
      }
    },
  }),
  defineEndpoint({
    name: 'measure.models',
    method: 'GET',
    path: '/measure/models',
    summary: 'Models (tables, collections) by the statements that touch them',
    access: 'read',
    query: ScopeParams.extend(PageParams.shape),
    data: z.array(ModelSummary),
    paginated: true,
    async answer({ query, telemetry, nowUnixMs }) {
      const range = readRange(query, nowUnixMs)
      const rollup = rollupRange(range.fromUnixMs, range.toUnixMs)
      const rows = await telemetry.run(models, { ...rollup, ...filters(query), ...toLimit(query) })
      return {
        data: rows.map(row => ({
          environment: row.environment,
          service: row.service,
          model: row.model,
          red: toRed(row, rollup.to_s - rollup.from_s),
          reads: row.reads,
          writes: row.writes,
        })),
        total: rows[0]?.total ?? 0,
      }
    },
  }),
]

/** The same list as /measure/operation/statements, with this list's search and order. */
async function statementsOfOperation(
  telemetry: TelemetryStore,
  query: StatementListParams,
  range: RequestRange,
): Promise<{ data: StatementSummary[]; total: number }> {
  const { environment, service, operation } = query
  if (environment === undefined || service === undefined || operation === undefined) {
    throw new PerfloopError('INVALID_REQUEST', {
      problems: ['operation: needs environment and service beside it'],
    })
  }
  const key = { environment, service, operation, kind: query.kind ?? 'server' }
  const search = (query.search ?? '').toLowerCase()
  const all = await measureOperationStatements(telemetry, key, range)
  const found = all.filter(({ text }) => text.toLowerCase().includes(search))
  const weight = (row: StatementSummary) =>
    query.sort === 'p95' ? row.red.p95_ns : query.sort === 'calls' ? row.red.calls : row.total_ns
  found.sort((a, b) => weight(b) - weight(a))
  const { limit, offset } = toLimit(query)
  return { data: found.slice(offset, offset + limit), total: found.length }
}

function toStatementSummary(row: RowOf<typeof statements>, seconds: number): StatementSummary {
  return {
    environment: row.environment,
    service: row.service,
    statement: row.statement,
    text: row.text,
    summary: row.summary,
    dialect: row.dialect,
    models: row.models,
    red: toRed(row, seconds),
    calls_per_execution: null,
    total_ns: row.duration_ns,
    exemplar_trace: traceOrNull(row.exemplar_trace),
    code_location: row.code_location || null,
  }
}
