import { type Kysely, type Migration, Migrator, sql } from 'kysely'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import { controlPlane } from './migrations/0001-control-plane.ts'
import { ledgerByTime } from './migrations/0002-ledger-by-time.ts'
import { agents } from './migrations/0003-agents.ts'
import { oneOpenProfile } from './migrations/0004-one-open-profile.ts'
import type { ControlDialect } from './migrations/create-tables.ts'

/** In order. A released one is never changed; a new one is added below, with its way back. */
function controlMigrations(dialect: ControlDialect): Record<string, Migration> {
  return {
    '0001-control-plane': controlPlane(dialect),
    '0002-ledger-by-time': ledgerByTime,
    '0003-agents': agents(dialect),
    '0004-one-open-profile': oneOpenProfile,
  }
}

/**
 * Brings the tables to this version. A database that a newer version has migrated further is left as it is:
 * migrations only add, so this version can read it.
 */
export async function migrateControl(db: Kysely<unknown>, dialect: ControlDialect): Promise<void> {
  await settle(await (await migratorOf(db, dialect)).migrateToLatest())
}

/** Takes back the newest migration. For a downgrade, with a backup at hand. */
export async function migrateControlDown(
  db: Kysely<unknown>,
  dialect: ControlDialect,
): Promise<void> {
  await settle(await (await migratorOf(db, dialect)).migrateDown())
}

async function migratorOf(db: Kysely<unknown>, dialect: ControlDialect): Promise<Migrator> {
  const known = controlMigrations(dialect)
  const fromTheFuture = (await executedMigrations(db)).filter(name => !(name in known))
  const migrations = {
    ...known,
    ...Object.fromEntries(fromTheFuture.map(name => [name, { up: async () => {} }])),
  }
  return new Migrator({ db, provider: { getMigrations: async () => migrations } })
}

async function executedMigrations(db: Kysely<unknown>): Promise<readonly string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(table => table.name === 'kysely_migration')) return []
  const { rows } = await sql<{ name: string }>`SELECT name FROM kysely_migration`.execute(db)
  return rows.map(row => row.name)
}

async function settle({ error }: { readonly error?: unknown }): Promise<void> {
  if (error !== undefined) throw new PerfloopError('CONTROL_STORE_FAILED', {}, error)
}
