import type { KnobValueRepository } from '../control-store.ts'
import { toInstant } from '../documents.ts'
import type { ControlDatabase } from '../tables.ts'

export function knobValueRepository(db: () => ControlDatabase): KnobValueRepository {
  return {
    async list(scope) {
      let matching = db().selectFrom('knobValues')
      if (scope !== undefined) {
        matching = matching
          .where('environment', '=', scope.environment)
          .where('service', '=', scope.service)
      }
      return await matching
        .selectAll()
        .orderBy('environment')
        .orderBy('service')
        .orderBy('name')
        .execute()
    },

    async put(record) {
      const { environment, service, name, ...rest } = record
      const change = {
        ...rest,
        setAt: toInstant(record.setAt),
        expiresAt: toInstant(record.expiresAt),
      }
      await db()
        .insertInto('knobValues')
        .values({ environment, service, name, ...change })
        .onConflict(conflict =>
          conflict.columns(['environment', 'service', 'name']).doUpdateSet(change),
        )
        .execute()
    },

    async remove(environment, service, name) {
      const { numDeletedRows } = await db()
        .deleteFrom('knobValues')
        .where('environment', '=', environment)
        .where('service', '=', service)
        .where('name', '=', name)
        .executeTakeFirst()
      return numDeletedRows === 1n
    },
  }
}
