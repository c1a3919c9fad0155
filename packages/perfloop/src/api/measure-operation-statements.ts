import type { OperationKey } from '../domain/span.ts'
import { operations } from '../store/telemetry/queries/operations.query.ts'
import { rollupRange } from '../store/telemetry/queries/rollup-range.ts'
import { operationStatements } from '../store/telemetry/queries/statements.query.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import type { StatementSummary } from './contract/measure.ts'
import { toRed } from './present-red.ts'
import { traceOrNull } from './present-trace.ts'
import { type RequestRange, toUnixNs } from './request-range.ts'

/** Newest executions that the statements of an operation are counted from. */
const SAMPLED_EXECUTIONS = 100

/** Statements that one operation issues: counted in its newest executions, scaled to all of the range. */
export async function measureOperationStatements(
  telemetry: TelemetryStore,
  { environment, service, operation, kind }: OperationKey,
  range: RequestRange,
): Promise<StatementSummary[]> {
  const key = { environment, service, operation, kind }
  const rollup = rollupRange(range.fromUnixMs, range.toUnixMs)
  const [sample, [all]] = await Promise.all([
    telemetry.run(operationStatements, {
      ...key,
      from_unix_ns: toUnixNs(rollup.from_s * 1_000),
      to_unix_ns: toUnixNs(rollup.to_s * 1_000),
      executions: SAMPLED_EXECUTIONS,
    }),
    telemetry.run(operations, { ...rollup, ...key, limit: 1, offset: 0 }),
  ])
  return sample.map(row => {
    const scale = (all?.executions || row.executions) / row.executions
    const scaled = {
      ...row,
      calls: row.calls * scale,
      errors: row.errors * scale,
      duration_ns: row.duration_ns * scale,
    }
    return {
      environment,
      service,
      statement: row.statement,
      text: row.text,
      summary: row.summary,
      dialect: row.dialect,
      models: row.models,
      red: toRed(scaled, rollup.to_s - rollup.from_s),
      calls_per_execution: row.calls / row.executions,
      total_ns: scaled.duration_ns,
      exemplar_trace: traceOrNull(row.exemplar_trace),
      code_location: row.code_location || null,
    }
  })
}
