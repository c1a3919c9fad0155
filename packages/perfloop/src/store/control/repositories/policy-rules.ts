import type { PolicyRuleRecord, PolicyRuleRepository } from '../control-store.ts'
import { recordFrom, toDocument, toInstant } from '../documents.ts'
import type { ControlDatabase } from '../tables.ts'

export function policyRuleRepository(db: () => ControlDatabase): PolicyRuleRepository {
  return {
    async list() {
      const rows = await db()
        .selectFrom('policyRules')
        .selectAll()
        .orderBy('kind')
        .orderBy('environment')
        .orderBy('service')
        .execute()
      return rows.map(row => ({
        ...row,
        mode: row.mode as PolicyRuleRecord['mode'],
        document: recordFrom(row.document),
      }))
    },

    async put(rule) {
      const row = {
        ...rule,
        document: toDocument(rule.document),
        createdAt: toInstant(rule.createdAt),
        updatedAt: toInstant(rule.updatedAt),
      }
      await db()
        .insertInto('policyRules')
        .values(row)
        .onConflict(conflict =>
          conflict.columns(['kind', 'environment', 'service']).doUpdateSet({
            mode: row.mode,
            document: row.document,
            updatedAt: row.updatedAt,
          }),
        )
        .execute()
    },

    async remove(id) {
      const { numDeletedRows } = await db()
        .deleteFrom('policyRules')
        .where('id', '=', id)
        .executeTakeFirst()
      return numDeletedRows === 1n
    },
  }
}
