import type { IngestTokenRepository } from '../control-store.ts'
import { toInstant, toInstantOrNull } from '../documents.ts'
import type { ControlDatabase } from '../tables.ts'

export function ingestTokenRepository(db: () => ControlDatabase): IngestTokenRepository {
  return {
    async list() {
      return await db()
        .selectFrom('ingestTokens')
        .selectAll()
        .orderBy('createdAt')
        .orderBy('id')
        .execute()
    },

    async insert(token) {
      await db()
        .insertInto('ingestTokens')
        .values({
          ...token,
          createdAt: toInstant(token.createdAt),
          revokedAt: toInstantOrNull(token.revokedAt),
        })
        .execute()
    },

    async revoke(id, at) {
      const { numUpdatedRows } = await db()
        .updateTable('ingestTokens')
        .set({ revokedAt: toInstant(at) })
        .where('id', '=', id)
        .where('revokedAt', 'is', null)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
  }
}
