import type { ExpressionBuilder } from 'kysely'
import type { Clock } from '../../../domain/clock.ts'
import { OPTIMIZATION_TRANSITIONS } from '../../../domain/optimization.ts'
import { PerfloopError } from '../../../domain/perfloop-error.ts'
import type { OptimizationRecord, OptimizationRepository } from '../control-store.ts'
import { fromDocument, toDocument, toInstant, toInstantOrNull } from '../documents.ts'
import type { ControlDatabase, ControlTables, OptimizationRow } from '../tables.ts'
import { totalOf } from './total-of.ts'

type Filter = Parameters<OptimizationRepository['list']>[0]
type Change = Partial<Omit<OptimizationRecord, 'id' | 'createdAt' | 'status'>>

export function optimizationRepository(
  db: () => ControlDatabase,
  clock: Clock,
): OptimizationRepository {
  const now = () => new Date(clock.nowUnixMs()).toISOString()

  return {
    async list(filter) {
      const matching = db().selectFrom('performanceOptimizations').where(conditions(filter))
      const rows = await matching
        .selectAll()
        .orderBy('createdAt', 'desc')
        .orderBy('id')
        .limit(filter.limit)
        .offset(filter.offset)
        .execute()
      return { rows: await withIssues(rows), total: await totalOf(matching) }
    },

    async stepsTo({ statuses, from, before }) {
      const steps = await db()
        .selectFrom('ledger')
        .select(['subjectId', 'at'])
        .where('subjectType', '=', 'optimization')
        .where('toStatus', 'in', statuses)
        .where('at', '>=', toInstant(from))
        .where('at', '<', toInstant(before))
        // A remark is an entry too, from a status to the same one.
        .where(entry => entry('fromStatus', 'is distinct from', entry.ref('toStatus')))
        .execute()
      if (steps.length === 0) return []
      const rows = await db()
        .selectFrom('performanceOptimizations')
        .select(['id', 'recommendation'])
        .where('id', 'in', [...new Set(steps.map(({ subjectId }) => subjectId))])
        .execute()
      const recommendations = new Map(
        rows.map(({ id, recommendation }) => [id, fromDocument(recommendation)]),
      )
      return steps.flatMap(({ subjectId, at }) =>
        recommendations.has(subjectId)
          ? [{ at, recommendation: recommendations.get(subjectId) }]
          : [],
      )
    },

    async get(id) {
      const row = await db()
        .selectFrom('performanceOptimizations')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
      return row && (await withIssues([row]))[0]
    },

    async findByChangeKey(changeKey) {
      const row = await db()
        .selectFrom('performanceOptimizations')
        .selectAll()
        .where('changeKey', '=', changeKey)
        .executeTakeFirst()
      return row && (await withIssues([row]))[0]
    },

    async insert({ issueIds, ...optimization }) {
      await db()
        .insertInto('performanceOptimizations')
        .values({
          ...optimization,
          recommendation: toDocument(optimization.recommendation),
          expectedGain: toDocument(optimization.expectedGain),
          impact: documentOrNull(optimization.impact),
          failure: documentOrNull(optimization.failure),
          appliedAt: toInstantOrNull(optimization.appliedAt),
          createdAt: toInstant(optimization.createdAt),
          updatedAt: toInstant(optimization.updatedAt),
        })
        .execute()
      await linkIssues(optimization.id, issueIds)
    },

    async transition(id, from, to, change = {}) {
      if (!OPTIMIZATION_TRANSITIONS[from].includes(to)) {
        throw new PerfloopError('CONFLICT', { optimization: id, from, to })
      }
      const { numUpdatedRows } = await db()
        .updateTable('performanceOptimizations')
        .set({ ...toColumns(change), status: to, updatedAt: now() })
        .where('id', '=', id)
        .where('status', '=', from)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async update(id, change) {
      const { numUpdatedRows } = await db()
        .updateTable('performanceOptimizations')
        .set({ ...toColumns(change), updatedAt: now() })
        .where('id', '=', id)
        .executeTakeFirst()
      if (numUpdatedRows === 0n) throw new PerfloopError('NOT_FOUND', { optimization: id })
      if (change.issueIds !== undefined) {
        await db().deleteFrom('optimizationIssues').where('optimizationId', '=', id).execute()
        await linkIssues(id, change.issueIds)
      }
    },
  }

  async function linkIssues(optimizationId: string, issueIds: readonly string[]): Promise<void> {
    if (issueIds.length === 0) return
    await db()
      .insertInto('optimizationIssues')
      .values(
        [...new Set(issueIds)].map((issueId, position) => ({ optimizationId, issueId, position })),
      )
      .execute()
  }

  async function withIssues(
    rows: readonly OptimizationRow[],
  ): Promise<readonly OptimizationRecord[]> {
    if (rows.length === 0) return []
    const links = await db()
      .selectFrom('optimizationIssues')
      .selectAll()
      .where(
        'optimizationId',
        'in',
        rows.map(row => row.id),
      )
      .orderBy('position')
      .execute()
    return rows.map(row => {
      const own = links.filter(link => link.optimizationId === row.id)
      return toOptimization(
        row,
        own.map(link => link.issueId),
      )
    })
  }
}

function conditions(filter: Filter) {
  return (where: ExpressionBuilder<ControlTables, 'performanceOptimizations'>) => {
    const { statuses, type, environment, service, issueId, targetId, updatedSince } = filter
    const parts = [
      statuses && where('status', 'in', statuses),
      type !== undefined && where('type', '=', type),
      environment !== undefined && where('environment', '=', environment),
      service !== undefined && where('service', '=', service),
      targetId !== undefined && where('targetId', '=', targetId),
      updatedSince !== undefined && where('updatedAt', '>=', toInstant(updatedSince)),
      issueId !== undefined &&
        where(
          'id',
          'in',
          where
            .selectFrom('optimizationIssues')
            .select('optimizationId')
            .where('issueId', '=', issueId),
        ),
    ]
    return where.and(parts.filter(part => typeof part === 'object'))
  }
}

function documentOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : toDocument(value)
}

function toColumns(change: Change) {
  const {
    recommendation,
    expectedGain,
    impact,
    failure,
    appliedAt,
    updatedAt,
    issueIds,
    ...plain
  } = change
  return {
    ...plain,
    ...(recommendation === undefined ? {} : { recommendation: toDocument(recommendation) }),
    ...(expectedGain === undefined ? {} : { expectedGain: toDocument(expectedGain) }),
    ...(impact === undefined ? {} : { impact: documentOrNull(impact) }),
    ...(failure === undefined ? {} : { failure: documentOrNull(failure) }),
    ...(appliedAt === undefined ? {} : { appliedAt: toInstantOrNull(appliedAt) }),
  }
}

function toOptimization(row: OptimizationRow, issueIds: readonly string[]): OptimizationRecord {
  const gain = fromDocument(row.expectedGain) as OptimizationRecord['expectedGain']
  return {
    ...row,
    recommendation: fromDocument(row.recommendation),
    expectedGain: gain,
    impact: fromDocument(row.impact),
    failure: fromDocument(row.failure),
    issueIds,
  }
}
