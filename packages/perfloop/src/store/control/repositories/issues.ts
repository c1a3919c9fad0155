import { type ExpressionBuilder, sql } from 'kysely'
import type { Clock } from '../../../domain/clock.ts'
import { ISSUE_STATUSES, ISSUE_TRANSITIONS, type IssueStatus } from '../../../domain/issue.ts'
import { PerfloopError } from '../../../domain/perfloop-error.ts'
import { isAtLeast, SEVERITIES, type Severity } from '../../../domain/severity.ts'
import type { IssueFilter, IssueRecord, IssueRepository } from '../control-store.ts'
import { recordFrom, stringsFrom, toDocument, toInstant, toInstantOrNull } from '../documents.ts'
import type { ControlDatabase, ControlTables, IssueRow } from '../tables.ts'
import { totalOf } from './total-of.ts'

/** Points of history kept for an issue: at one a window of 15 s or more, several hours in full detail. */
const HISTORY_LIMIT = 1_000

export function issueRepository(db: () => ControlDatabase, clock: Clock): IssueRepository {
  return {
    async list(filter) {
      const matching = db().selectFrom('performanceIssues').where(conditions(filter))
      const rows = await matching
        .selectAll()
        .orderBy(ranking(filter.sort ?? 'recoverable'))
        .limit(filter.limit)
        .offset(filter.offset)
        .execute()
      return { rows: rows.map(toIssue), total: await totalOf(matching) }
    },

    async get(id) {
      const row = await db()
        .selectFrom('performanceIssues')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
      return row && toIssue(row)
    },

    async findByIdentity(identity) {
      const row = await db()
        .selectFrom('performanceIssues')
        .selectAll()
        .where('environment', '=', identity.environment)
        .where('service', '=', identity.service)
        .where('operation', '=', identity.operation)
        .where('kind', '=', identity.kind)
        .where('fingerprint', '=', identity.fingerprint)
        .executeTakeFirst()
      return row && toIssue(row)
    },

    async insert(issue) {
      await db()
        .insertInto('performanceIssues')
        .values({
          ...issue,
          evidence: toDocument(issue.evidence),
          exemplarSpans: toDocument(issue.exemplarSpans),
          firstSeen: toInstant(issue.firstSeen),
          lastSeen: toInstant(issue.lastSeen),
          ignoredUntil: toInstantOrNull(issue.ignoredUntil),
          createdAt: toInstant(issue.createdAt),
          updatedAt: toInstant(issue.updatedAt),
        })
        .execute()
    },

    async update(id, change) {
      const { evidence, exemplarSpans, firstSeen, lastSeen, ignoredUntil, ...plain } = change
      let update = db()
        .updateTable('performanceIssues')
        .set({
          ...plain,
          ...(evidence === undefined ? {} : { evidence: toDocument(evidence) }),
          ...(exemplarSpans === undefined ? {} : { exemplarSpans: toDocument(exemplarSpans) }),
          ...(firstSeen === undefined ? {} : { firstSeen: toInstant(firstSeen) }),
          ...(lastSeen === undefined ? {} : { lastSeen: toInstant(lastSeen) }),
          ...(ignoredUntil === undefined ? {} : { ignoredUntil: toInstantOrNull(ignoredUntil) }),
          updatedAt: new Date(clock.nowUnixMs()).toISOString(),
        })
        .where('id', '=', id)
      // One statement decides and changes, so that of two hands at once only one succeeds.
      if (change.status !== undefined) {
        update = update.where('status', 'in', statusesBefore(change.status))
      }
      const { numUpdatedRows } = await update.executeTakeFirst()
      if (numUpdatedRows === 0n) await explain(id, change.status)
    },

    async appendHistory(id, at, recoverableNsPerHour) {
      const point = { issueId: id, at: toInstant(at), recoverableNsPerHour }
      await db()
        .insertInto('issueHistory')
        .values(point)
        .onConflict(conflict =>
          conflict.columns(['issueId', 'at']).doUpdateSet({ recoverableNsPerHour }),
        )
        .execute()
      const oldestKept = db()
        .selectFrom('issueHistory')
        .select('at')
        .where('issueId', '=', id)
        .orderBy('at', 'desc')
        .limit(1)
        .offset(HISTORY_LIMIT - 1)
      await db()
        .deleteFrom('issueHistory')
        .where('issueId', '=', id)
        .where('at', '<', oldestKept)
        .execute()
    },

    async history(id) {
      return await db()
        .selectFrom('issueHistory')
        .select(['at', 'recoverableNsPerHour'])
        .where('issueId', '=', id)
        .orderBy('at')
        .execute()
    },
  }

  async function explain(id: string, to: IssueStatus | undefined): Promise<never> {
    const row = await db()
      .selectFrom('performanceIssues')
      .select('status')
      .where('id', '=', id)
      .executeTakeFirst()
    if (row === undefined) throw new PerfloopError('NOT_FOUND', { issue: id })
    throw new PerfloopError('CONFLICT', { issue: id, from: row.status, to })
  }
}

/** Where a status may be reached from. */
function statusesBefore(to: IssueStatus): readonly IssueStatus[] {
  return ISSUE_STATUSES.filter(from => ISSUE_TRANSITIONS[from].includes(to))
}

type IssueExpressions = ExpressionBuilder<ControlTables, 'performanceIssues'>

function conditions(filter: IssueFilter) {
  return (where: IssueExpressions) => {
    const { statuses, minSeverity, kind, environment, service, operation } = filter
    const { fingerprint, lastSeenBefore } = filter
    const parts = [
      statuses && where('status', 'in', statuses),
      minSeverity && where('severity', 'in', atLeast(minSeverity)),
      kind !== undefined && where('kind', '=', kind),
      environment !== undefined && where('environment', '=', environment),
      service !== undefined && where('service', '=', service),
      operation !== undefined && where('operation', '=', operation),
      fingerprint !== undefined && where('fingerprint', '=', fingerprint),
      lastSeenBefore !== undefined && where('lastSeen', '<', toInstant(lastSeenBefore)),
    ]
    return where.and(parts.filter(part => typeof part === 'object'))
  }
}

function atLeast(bound: Severity): readonly Severity[] {
  return SEVERITIES.filter(severity => isAtLeast(severity, bound))
}

const SEVERITY_RANK = sql<number>`case severity ${sql.join(
  SEVERITIES.map((severity, rank) => sql`when ${sql.lit(severity)} then ${sql.lit(rank)}`),
  sql` `,
)} end`

/**
 * The order of a list; that by severity is byUrgency of analysis/urgency.ts. The id comes last in each, so that pages
 * neither repeat nor skip.
 */
function ranking(sort: NonNullable<IssueFilter['sort']>) {
  const byRecoverable = sql`recoverable_ns_per_hour desc, id`
  const byWhetherItCostsTime = sql`case when recoverable_ns_per_hour > 0 then 1 else 0 end`
  switch (sort) {
    case 'recoverable':
      return byRecoverable
    case 'recent':
      return sql`last_seen desc, id`
    case 'severity':
      return sql`${SEVERITY_RANK} desc, ${byWhetherItCostsTime}, ${byRecoverable}`
  }
}

function toIssue(row: IssueRow): IssueRecord {
  return {
    ...row,
    evidence: recordFrom(row.evidence),
    exemplarSpans: stringsFrom(row.exemplarSpans),
  }
}
