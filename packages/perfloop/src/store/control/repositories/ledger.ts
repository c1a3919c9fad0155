import { randomUUID } from 'node:crypto'
import type { LedgerRepository } from '../control-store.ts'
import { recordFrom, toDocument, toInstant } from '../documents.ts'
import type { ControlDatabase } from '../tables.ts'

export function ledgerRepository(db: () => ControlDatabase): LedgerRepository {
  return {
    async append({ from, to, ...entry }) {
      await db()
        .insertInto('ledger')
        .values({
          ...entry,
          id: randomUUID(),
          at: toInstant(entry.at),
          fromStatus: from,
          toStatus: to,
          evidence: toDocument(entry.evidence),
        })
        .execute()
    },

    async of(subjectType, subjectId) {
      const rows = await db()
        .selectFrom('ledger')
        .selectAll()
        .where('subjectType', '=', subjectType)
        .where('subjectId', '=', subjectId)
        .orderBy('sequence')
        .execute()
      return rows.map(({ sequence: _, fromStatus, toStatus, evidence, ...row }) => ({
        ...row,
        from: fromStatus,
        to: toStatus,
        evidence: recordFrom(evidence),
      }))
    },
  }
}
