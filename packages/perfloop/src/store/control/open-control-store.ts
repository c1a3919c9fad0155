import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  CamelCasePlugin,
  type Dialect,
  HandleEmptyInListsPlugin,
  Kysely,
  replaceWithNoncontingentExpression,
  SqliteDialect,
  type Transaction,
} from 'kysely'
import type { Clock } from '../../domain/clock.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { ControlStore } from './control-store.ts'
import { migrateControl } from './migrate.ts'
import type { ControlDialect } from './migrations/create-tables.ts'
import { nameFailures } from './name-failures.ts'
import { agentRepository } from './repositories/agents.ts'
import { ingestTokenRepository } from './repositories/ingest-tokens.ts'
import { issueRepository } from './repositories/issues.ts'
import { knobValueRepository } from './repositories/knob-values.ts'
import { ledgerRepository } from './repositories/ledger.ts'
import { optimizationRepository } from './repositories/optimizations.ts'
import { profileRepository } from './repositories/profiles.ts'
import { runRepository } from './repositories/runs.ts'
import { stateRepository } from './repositories/state.ts'
import { targetRepository } from './repositories/targets.ts'
import { openSqliteDatabase } from './sqlite-database.ts'
import type { ControlDatabase, ControlTables } from './tables.ts'

export interface ControlStoreOptions {
  /** Where `control.sqlite` lives; not used with a `url`. */
  readonly dataDirectory: string
  /** `postgres://…`; null for SQLite in the data directory. */
  readonly url: string | null
  readonly clock: Clock
}

export async function openControlStore(options: ControlStoreOptions): Promise<ControlStore> {
  const dialect: ControlDialect = options.url === null ? 'sqlite' : 'postgres'
  let database: Kysely<ControlTables> | undefined
  try {
    database = new Kysely<ControlTables>({
      dialect: nameFailures(await dialectOf(options)),
      plugins: [
        new CamelCasePlugin(),
        new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression }),
      ],
    })
    await migrateControl(database.withoutPlugins() as Kysely<unknown>, dialect)
    return controlStore(database, options.clock)
  } catch (cause) {
    await database?.destroy()
    if (cause instanceof PerfloopError) throw cause
    throw new PerfloopError('CONTROL_STORE_FAILED', { dialect, reason: String(cause) }, cause)
  }
}

interface OpenTransaction {
  readonly database: Transaction<ControlTables>
  over: boolean
}

/**
 * SQLite has one connection, and so whoever uses the store inside `transaction(…)` without going through the
 * store it was handed would wait for a connection that waits for it. Therefore a transaction is a property of
 * the asynchronous context: everything called from `work`, through whichever store, joins it, on PostgreSQL
 * as well. What was started inside but outlives the transaction is outside of it again.
 */
function controlStore(root: Kysely<ControlTables>, clock: Clock): ControlStore {
  const current = new AsyncLocalStorage<OpenTransaction>()
  const open = () => {
    const transaction = current.getStore()
    return transaction === undefined || transaction.over ? undefined : transaction
  }
  const db = (): ControlDatabase => open()?.database ?? root

  const store: ControlStore = {
    issues: issueRepository(db, clock),
    optimizations: optimizationRepository(db, clock),
    ledger: ledgerRepository(db),
    targets: targetRepository(db),
    ingestTokens: ingestTokenRepository(db),
    runs: runRepository(db),
    state: stateRepository(db, clock),
    agents: agentRepository(db),
    profiles: profileRepository(db),
    knobValues: knobValueRepository(db),

    async transaction(work) {
      if (open() !== undefined) return await work(store)
      return await root.transaction().execute(async database => {
        const transaction: OpenTransaction = { database, over: false }
        try {
          return await current.run(transaction, () => work(store))
        } finally {
          transaction.over = true
        }
      })
    },

    async [Symbol.asyncDispose]() {
      await root.destroy()
    },
  }
  return store
}

async function dialectOf({ url, dataDirectory }: ControlStoreOptions): Promise<Dialect> {
  if (url === null) return sqlite(dataDirectory)
  // Loaded only where it is used: most installations have no such server.
  const { postgresDialect } = await import('./postgres-dialect.ts')
  return postgresDialect(url)
}

function sqlite(dataDirectory: string): Dialect {
  mkdirSync(dataDirectory, { recursive: true })
  return new SqliteDialect({ database: openSqliteDatabase(join(dataDirectory, 'control.sqlite')) })
}
