import type { ProfileRecord, ProfileRepository } from '../control-store.ts'
import { toInstant, toInstantOrNull } from '../documents.ts'
import type { ControlDatabase } from '../tables.ts'
import { totalOf } from './total-of.ts'

const OPEN: readonly ProfileRecord['status'][] = ['requested', 'running']

export function profileRepository(db: () => ControlDatabase): ProfileRepository {
  return {
    async list({ environment, service, agent, kind, origin, since, until, limit, offset }) {
      let matching = db().selectFrom('agentProfiles')
      if (environment !== undefined) matching = matching.where('environment', '=', environment)
      if (service !== undefined) matching = matching.where('service', '=', service)
      if (agent !== undefined) matching = matching.where('agent', '=', agent)
      if (kind !== undefined) matching = matching.where('kind', '=', kind)
      if (origin !== undefined) matching = matching.where('origin', '=', origin)
      if (since !== undefined) matching = matching.where('requestedAt', '>=', toInstant(since))
      if (until !== undefined) matching = matching.where('requestedAt', '<', toInstant(until))
      const rows = await matching
        .selectAll()
        .orderBy('requestedAt', 'desc')
        .orderBy('id')
        .limit(limit)
        .offset(offset)
        .execute()
      return { rows, total: await totalOf(matching) }
    },

    async get(id) {
      return await db()
        .selectFrom('agentProfiles')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
    },

    async open(agent) {
      let matching = db().selectFrom('agentProfiles').where('status', 'in', OPEN)
      if (agent !== undefined) matching = matching.where('agent', '=', agent)
      return await matching.selectAll().orderBy('requestedAt').execute()
    },

    async insert(profile) {
      const { numInsertedOrUpdatedRows } = await db()
        .insertInto('agentProfiles')
        .values({
          ...profile,
          requestedAt: toInstant(profile.requestedAt),
          startedAt: toInstantOrNull(profile.startedAt),
          finishedAt: toInstantOrNull(profile.finishedAt),
        })
        .onConflict(conflict => conflict.doNothing())
        .executeTakeFirst()
      return numInsertedOrUpdatedRows === 1n
    },

    async change(id, from, change) {
      const { numUpdatedRows } = await db()
        .updateTable('agentProfiles')
        .set(change)
        .where('id', '=', id)
        .where('status', 'in', from)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async finish(id, pprof, at) {
      // First: whoever comes at the same time waits for it, and finds that it is finished.
      const { numUpdatedRows } = await db()
        .updateTable('agentProfiles')
        .set({ status: 'finished', finishedAt: toInstant(at), sizeBytes: pprof.length })
        .where('id', '=', id)
        .where('status', 'in', OPEN)
        .executeTakeFirst()
      if (numUpdatedRows !== 1n) return false
      await db().insertInto('agentProfileBytes').values({ profileId: id, pprof }).execute()
      return true
    },

    async bytes(id) {
      const row = await db()
        .selectFrom('agentProfileBytes')
        .select('pprof')
        .where('profileId', '=', id)
        .executeTakeFirst()
      return row?.pprof
    },

    async prune(before, mostBytes, most) {
      await db().deleteFrom('agentProfiles').where('requestedAt', '<', toInstant(before)).execute()
      const { profiles, bytes } = await db()
        .selectFrom('agentProfiles')
        .select(({ fn }) => [
          fn.countAll<number>().as('profiles'),
          fn.sum<number | null>('sizeBytes').as('bytes'),
        ])
        .executeTakeFirstOrThrow()
      // As nearly always: then none has to be looked at.
      if (Number(profiles) <= most && Number(bytes ?? 0) <= mostBytes) return
      const rows = await db()
        .selectFrom('agentProfiles')
        .select(['id', 'sizeBytes'])
        .orderBy('requestedAt', 'desc')
        .orderBy('id')
        .execute()
      let kept = 0
      const tooMuch = rows.filter(({ sizeBytes }, at) => {
        kept += sizeBytes
        return kept > mostBytes || at >= most
      })
      for (const { id } of tooMuch) {
        await db().deleteFrom('agentProfiles').where('id', '=', id).execute()
      }
    },
  }
}
