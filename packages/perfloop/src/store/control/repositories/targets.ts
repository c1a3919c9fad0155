import { PerfloopError } from '../../../domain/perfloop-error.ts'
import type { TargetRecord, TargetRepository } from '../control-store.ts'
import { recordFrom, stringsFrom, toDocument, toInstant, toInstantOrNull } from '../documents.ts'
import type { ControlDatabase, TargetRow } from '../tables.ts'

export function targetRepository(db: () => ControlDatabase): TargetRepository {
  return {
    async list() {
      const rows = await db()
        .selectFrom('targets')
        .selectAll()
        .orderBy('environment')
        .orderBy('name')
        .execute()
      return rows.map(toTarget)
    },

    async get(id) {
      const row = await db()
        .selectFrom('targets')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
      return row && toTarget(row)
    },

    async insert(target) {
      await db()
        .insertInto('targets')
        .values({
          ...target,
          services: toDocument(target.services),
          options: toDocument(target.options),
          notes: toDocument(target.notes),
          collectedAt: toInstantOrNull(target.collectedAt),
          createdAt: toInstant(target.createdAt),
        })
        .execute()
    },

    async update(id, change) {
      const { services, options, notes, collectedAt, ...plain } = change
      const { numUpdatedRows } = await db()
        .updateTable('targets')
        .set({
          ...plain,
          ...(services === undefined ? {} : { services: toDocument(services) }),
          ...(options === undefined ? {} : { options: toDocument(options) }),
          ...(notes === undefined ? {} : { notes: toDocument(notes) }),
          ...(collectedAt === undefined ? {} : { collectedAt: toInstantOrNull(collectedAt) }),
          // So that a change of nothing is a statement too.
          id,
        })
        .where('id', '=', id)
        .executeTakeFirst()
      if (numUpdatedRows === 0n) throw new PerfloopError('NOT_FOUND', { target: id })
    },

    async remove(id) {
      await db().deleteFrom('targets').where('id', '=', id).execute()
    },
  }
}

function toTarget(row: TargetRow): TargetRecord {
  return {
    ...row,
    services: stringsFrom(row.services),
    options: recordFrom(row.options),
    notes: stringsFrom(row.notes),
    canChange: Boolean(row.canChange),
  }
}
