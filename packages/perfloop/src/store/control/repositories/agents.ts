import { sql } from 'kysely'
import type { AgentRecord, AgentRepository, DeclarationRecord } from '../control-store.ts'
import { fromDocument, toDocument, toInstant } from '../documents.ts'
import type { AgentRow, ControlDatabase, DeclarationRow } from '../tables.ts'
import { totalOf } from './total-of.ts'

export function agentRepository(db: () => ControlDatabase): AgentRepository {
  return {
    async list({ environment, service, limit, offset }) {
      let matching = db().selectFrom('agents')
      if (environment !== undefined) matching = matching.where('environment', '=', environment)
      if (service !== undefined) matching = matching.where('service', '=', service)
      const rows = await matching
        .selectAll()
        .orderBy('lastSeen', 'desc')
        .orderBy('id')
        .limit(limit)
        .offset(offset)
        .execute()
      return { rows: rows.map(toAgent), total: await totalOf(matching) }
    },

    async get(id) {
      const row = await db()
        .selectFrom('agents')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
      return row && toAgent(row)
    },

    async put(agent) {
      const { id, firstSeen, declarations, ...rest } = agent
      const change = {
        ...rest,
        frameworks: toDocument(agent.frameworks),
        knobs: toDocument(agent.knobs),
        startedAt: toInstant(agent.startedAt),
        lastSeen: toInstant(agent.lastSeen),
      }
      await db()
        .insertInto('agents')
        .values({ id, firstSeen: toInstant(firstSeen), declarations, ...change })
        .onConflict(conflict => conflict.column('id').doUpdateSet(change))
        .execute()
    },

    async seen(id, at) {
      await db()
        .updateTable('agents')
        .set({ lastSeen: toInstant(at) })
        .where('id', '=', id)
        .execute()
    },

    async declare(id, declaration) {
      const { environment, service, revision } = declaration
      const change = {
        routes: toDocument(declaration.routes),
        models: toDocument(declaration.models),
        omitted: declaration.omitted,
        declaredAt: toInstant(declaration.declaredAt),
      }
      await db()
        .insertInto('agentDeclarations')
        .values({ environment, service, revision, ...change })
        .onConflict(conflict =>
          conflict.columns(['environment', 'service', 'revision']).doUpdateSet(change),
        )
        .execute()
      await db()
        .updateTable('agents')
        .set({ declarations: revision })
        .where('id', '=', id)
        .execute()
    },

    async declaration(environment, service, revision) {
      const row = await db()
        .selectFrom('agentDeclarations')
        .selectAll()
        .where('environment', '=', environment)
        .where('service', '=', service)
        .where('revision', '=', revision)
        .executeTakeFirst()
      return row && toDeclaration(row)
    },

    async prune(before, most, mostDeclarationsBytes) {
      await db().deleteFrom('agents').where('lastSeen', '<', toInstant(before)).execute()
      const [last] = await db()
        .selectFrom('agents')
        .select(['lastSeen'])
        .orderBy('lastSeen', 'desc')
        .orderBy('id')
        .offset(most)
        .limit(1)
        .execute()
      if (last !== undefined) {
        await db().deleteFrom('agents').where('lastSeen', '<=', last.lastSeen).execute()
      }
      await db()
        .deleteFrom('agentDeclarations')
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('agents')
                .select('agents.id')
                .whereRef('agents.environment', '=', 'agentDeclarations.environment')
                .whereRef('agents.service', '=', 'agentDeclarations.service')
                .whereRef('agents.declarations', '=', 'agentDeclarations.revision'),
            ),
          ),
        )
        .execute()
      const declarations = await db()
        .selectFrom('agentDeclarations')
        .select(['environment', 'service', 'revision', LENGTH.as('length')])
        .orderBy('declaredAt', 'desc')
        .orderBy('revision')
        .execute()
      let kept = 0
      for (const { environment, service, revision, length } of declarations) {
        kept += length
        if (kept <= mostDeclarationsBytes) continue
        await db()
          .deleteFrom('agentDeclarations')
          .where('environment', '=', environment)
          .where('service', '=', service)
          .where('revision', '=', revision)
          .execute()
      }
    },
  }
}

/** Of a declaration, in characters, which are mostly bytes. */
const LENGTH = sql<number>`length(cast(routes as text)) + length(cast(models as text))`

/** Documents are ours: they were checked when they came. */
function toAgent(row: AgentRow): AgentRecord {
  return {
    ...row,
    frameworks: fromDocument(row.frameworks) as AgentRecord['frameworks'],
    knobs: fromDocument(row.knobs) as AgentRecord['knobs'],
  }
}

function toDeclaration(row: DeclarationRow): DeclarationRecord {
  return {
    ...row,
    routes: fromDocument(row.routes) as DeclarationRecord['routes'],
    models: fromDocument(row.models) as DeclarationRecord['models'],
  }
}
