import type { Clock } from '../../../domain/clock.ts'
import type { StateRepository } from '../control-store.ts'
import { fromDocument, toDocument } from '../documents.ts'
import type { ControlDatabase } from '../tables.ts'

export function stateRepository(db: () => ControlDatabase, clock: Clock): StateRepository {
  return {
    async get(key) {
      const row = await db()
        .selectFrom('controlState')
        .select('value')
        .where('key', '=', key)
        .executeTakeFirst()
      return row === undefined ? undefined : fromDocument(row.value)
    },

    async set(key, value) {
      const change = {
        value: toDocument(value),
        updatedAt: new Date(clock.nowUnixMs()).toISOString(),
      }
      await db()
        .insertInto('controlState')
        .values({ key, ...change })
        .onConflict(conflict => conflict.column('key').doUpdateSet(change))
        .execute()
    },
  }
}
