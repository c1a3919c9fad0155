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

    async prune({ before, most, mostDeclarationsBytes, living }) {
      const newestFirst = await db()
        .selectFrom('agents')
        .select(['id', 'environment', 'service', 'declarations', 'lastSeen'])
        .orderBy('lastSeen', 'desc')
        .orderBy('id')
        .execute()
      const [alive, others] = divide(newestFirst, ({ id }) => living.has(id))
      const room = Math.max(0, most - alive.length)
      const [gone, kept] = divide(
        others,
        ({ lastSeen }, at) => at >= room || lastSeen < toInstant(before),
      )
      for (const ids of chunks(gone.map(({ id }) => id))) {
        await db().deleteFrom('agents').where('id', 'in', ids).execute()
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
      await pruneDeclarations(db(), alive, kept, mostDeclarationsBytes)
    },

    async declarationsBytes() {
      const { bytes } = await db()
        .selectFrom('agentDeclarations')
        .select(({ fn }) => fn.sum<number | string | null>(LENGTH).as('bytes'))
        .executeTakeFirstOrThrow()
      return Number(bytes ?? 0)
    },
  }
}

type Referring = Pick<AgentRow, 'id' | 'environment' | 'service' | 'declarations' | 'lastSeen'>

/** Those of the living stay; of the others, those whose agents were seen last. */
async function pruneDeclarations(
  db: ControlDatabase,
  alive: readonly Referring[],
  others: readonly Referring[],
  mostBytes: number,
): Promise<void> {
  const lengths = new Map(
    (
      await db
        .selectFrom('agentDeclarations')
        .select(['environment', 'service', 'revision', LENGTH.as('length')])
        .execute()
    ).map(({ environment, service, revision, length }) => [
      keyOf(environment, service, revision),
      Number(length),
    ]),
  )
  let keptBytes = 0
  for (const [at, { environment, service, declarations }] of [...alive, ...others].entries()) {
    if (declarations === null) continue
    const key = keyOf(environment, service, declarations)
    const length = lengths.get(key)
    // Unknown, or looked at already with a newer agent.
    if (length === undefined) continue
    lengths.delete(key)
    if (at < alive.length || keptBytes + length <= mostBytes) {
      keptBytes += length
      continue
    }
    await db
      .deleteFrom('agentDeclarations')
      .where('environment', '=', environment)
      .where('service', '=', service)
      .where('revision', '=', declarations)
      .execute()
    // One that comes back is asked for them again.
    await db
      .updateTable('agents')
      .set({ declarations: null })
      .where('environment', '=', environment)
      .where('service', '=', service)
      .where('declarations', '=', declarations)
      .execute()
  }
}

function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}

function divide<Item>(
  items: readonly Item[],
  isFirst: (item: Item, at: number) => boolean,
): readonly [readonly Item[], readonly Item[]] {
  const first: Item[] = []
  const second: Item[] = []
  for (const [at, item] of items.entries()) (isFirst(item, at) ? first : second).push(item)
  return [first, second]
}

/** As many as one statement may name. */
function* chunks<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  const most = 500
  for (let at = 0; at < items.length; at += most) yield items.slice(at, at + most)
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
