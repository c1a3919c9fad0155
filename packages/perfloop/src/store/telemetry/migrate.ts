import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Logger } from '../../domain/logger.ts'
import type { TelemetryEngine } from './engine.ts'
import { splitStatements } from './split-statements.ts'

interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

const MIGRATIONS_TABLE = `
CREATE TABLE IF NOT EXISTS schema_migrations
(
    version    UInt32                COMMENT 'Number of the file in schema/',
    name       String                COMMENT 'Name of the file',
    applied_at DateTime DEFAULT now() COMMENT 'Seconds'
)
ENGINE = MergeTree
ORDER BY version
COMMENT 'Schema files that were applied'`

/**
 * Applies the schema files that are new. Each statement is idempotent: a start that died half-way
 * through a file goes through it again. Versions newer than ours are left alone: the telemetry plane
 * changes additively, so an older Perfloop reads what a newer one wrote.
 */
export async function migrate(engine: TelemetryEngine, logger: Logger): Promise<void> {
  await engine.execute(MIGRATIONS_TABLE)
  const applied = z
    .array(z.object({ version: z.number() }))
    .parse(await engine.query('SELECT DISTINCT version FROM schema_migrations', {}))
  const known = new Set(applied.map(row => row.version))
  for (const { version, name, sql } of readMigrations()) {
    if (known.has(version)) continue
    for (const statement of splitStatements(sql)) await engine.execute(statement)
    await engine.execute(
      'INSERT INTO schema_migrations (version, name) SELECT {version:UInt32}, {name:String}',
      { version, name },
    )
    logger.info({ version, name }, 'Telemetry schema applied')
  }
}

export function readMigrations(): readonly Migration[] {
  const folder = new URL('./schema/', import.meta.url)
  return readdirSync(fileURLToPath(folder))
    .filter(name => name.endsWith('.sql'))
    .sort()
    .map(name => ({
      version: Number.parseInt(name, 10),
      name,
      sql: readFileSync(new URL(name, folder), 'utf8'),
    }))
}
