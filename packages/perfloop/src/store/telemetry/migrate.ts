import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Logger } from '../../domain/logger.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { TelemetryEngine } from './engine.ts'
import { splitStatements } from './split-statements.ts'

interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

/** Data directories of development versions have the table without it. */
const CHECKSUM_COLUMN = `
ALTER TABLE schema_migrations
ADD COLUMN IF NOT EXISTS checksum String COMMENT 'SHA-256 of its statements, without comments'`

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
 * changes additively, so an older Perfloop reads what a newer one wrote. Tables that were made by another text of
 * one of our files are refused: nothing could be written into them.
 */
export async function migrate(engine: TelemetryEngine, logger: Logger): Promise<void> {
  await engine.execute(MIGRATIONS_TABLE)
  await engine.execute(CHECKSUM_COLUMN)
  const applied = z
    .array(z.object({ version: z.number(), checksum: z.string() }))
    .parse(await engine.query('SELECT DISTINCT version, checksum FROM schema_migrations', {}))
  const known = new Map(applied.map(row => [row.version, row.checksum]))
  for (const { version, name, sql } of readMigrations()) {
    const statements = splitStatements(sql)
    const checksum = checksumOf(statements)
    const found = known.get(version)
    if (found !== undefined && found !== checksum) {
      throw new PerfloopError('TELEMETRY_SCHEMA_DIFFERS', { file: name })
    }
    if (found !== undefined) continue
    for (const statement of statements) await engine.execute(statement)
    await engine.execute(
      `INSERT INTO schema_migrations (version, name, checksum)
       SELECT {version:UInt32}, {name:String}, {checksum:String}`,
      { version, name, checksum },
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

function checksumOf(statements: readonly string[]): string {
  const text = statements.map(statement => statement.replaceAll(/\s+/g, ' ').trim()).join(';')
  return createHash('sha256').update(text).digest('hex')
}
