import type { ExpressionBuilder } from 'kysely'
import type { RunRecord, RunRepository } from '../control-store.ts'
import { fromDocument, recordFrom, toDocument, toInstant, toInstantOrNull } from '../documents.ts'
import type { ControlDatabase, ControlTables, RunRow } from '../tables.ts'
import { totalOf } from './total-of.ts'

type Filter = Parameters<RunRepository['list']>[0]

export function runRepository(db: () => ControlDatabase): RunRepository {
  return {
    async list(filter) {
      const matching = db().selectFrom('performanceRuns').where(conditions(filter))
      const rows = await matching
        .selectAll()
        .orderBy('startedAt', 'desc')
        .orderBy('id')
        .limit(filter.limit)
        .offset(filter.offset)
        .execute()
      return { rows: rows.map(toRun), total: await totalOf(matching) }
    },

    async get(id) {
      const row = await db()
        .selectFrom('performanceRuns')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
      return row && toRun(row)
    },

    async insert(run) {
      await db()
        .insertInto('performanceRuns')
        .values({
          ...run,
          parameters: toDocument(run.parameters),
          result: run.result === null ? null : toDocument(run.result),
          startedAt: toInstant(run.startedAt),
          finishedAt: toInstantOrNull(run.finishedAt),
        })
        .execute()
    },

    async finish(id, { status, result, finishedAt }) {
      const { numUpdatedRows } = await db()
        .updateTable('performanceRuns')
        .set({ status, result: toDocument(result), finishedAt: toInstant(finishedAt) })
        .where('id', '=', id)
        .where('status', '=', 'running')
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
  }
}

function conditions(filter: Filter) {
  return (where: ExpressionBuilder<ControlTables, 'performanceRuns'>) => {
    const { kind, environment, service } = filter
    const parts = [
      kind !== undefined && where('kind', '=', kind),
      environment !== undefined && where('environment', '=', environment),
      service !== undefined && where('service', '=', service),
    ]
    return where.and(parts.filter(part => typeof part === 'object'))
  }
}

function toRun(row: RunRow): RunRecord {
  return { ...row, parameters: recordFrom(row.parameters), result: fromDocument(row.result) }
}
