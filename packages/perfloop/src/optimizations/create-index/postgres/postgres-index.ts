import { z } from 'zod'
import { PerfloopError } from '../../../domain/perfloop-error.ts'
import type { ApplyContext, ChangeState } from '../../../optimizer/optimization.ts'
import {
  openSession,
  PostgresOptions,
  reasonOf,
  type Session,
  SQL_STATE,
  sqlStateOf,
} from '../../../targets/postgres/open-session.ts'
import { quoteName } from '../../../targets/table-access.ts'
import { isSameDefinition, type OwnedIndex } from '../index-definition.ts'

/** Without a transaction around it and without stopping writers; so is its undo. */
export function createSql({ definition }: OwnedIndex): string {
  return `${definition.replace(/^CREATE INDEX /, 'CREATE INDEX CONCURRENTLY ')};`
}

export function dropSql({ schema, name }: OwnedIndex): string {
  return `DROP INDEX CONCURRENTLY IF EXISTS ${quoteName(schema ?? 'public')}.${quoteName(name)};`
}

export async function inspectPostgres(
  owned: OwnedIndex,
  context: ApplyContext,
): Promise<ChangeState> {
  await using session = await openForChange(context)
  return stateOf(await findIndex(session, owned), owned)
}

export async function createInPostgres(owned: OwnedIndex, context: ApplyContext): Promise<void> {
  await using session = await openForChange(context)
  const found = await findIndex(session, owned)
  requireOurs(found, owned)
  const state = stateOf(found, owned)
  if (state === 'present') return
  if (state === 'partial') await run(session, dropSql(owned), owned, context)
  try {
    await run(session, createSql(owned), owned, context)
    if (stateOf(await findIndex(session, owned), owned) === 'present') return
    throw new PerfloopError('CHANGE_FAILED', {
      index: owned.name,
      reason: 'PostgreSQL left the index invalid',
    })
  } catch (error) {
    const invalidIndex = await removeInvalid(owned, context)
    if (!(error instanceof PerfloopError)) throw error
    throw new PerfloopError(error.code, { ...error.details, invalidIndex }, error.cause)
  }
}

export async function dropFromPostgres(owned: OwnedIndex, context: ApplyContext): Promise<void> {
  await using session = await openForChange(context)
  const found = await findIndex(session, owned)
  if (found === undefined) return
  requireOurs(found, owned)
  await run(session, dropSql(owned), owned, context)
}

/**
 * A concurrent build that fails leaves an index that costs writes and serves nobody. It is dropped on a new
 * connection, for the old one may be gone. Who held up the build may hold this up too: then the caller is
 * told of what is left, and `undo` removes it later.
 */
async function removeInvalid(
  owned: OwnedIndex,
  context: ApplyContext,
): Promise<'removed' | 'left'> {
  try {
    await using session = await openForChange(context)
    const found = await findIndex(session, owned)
    if (found !== undefined && isOurs(found, owned) && !found.valid) {
      await session.run(dropSql(owned))
    }
    return 'removed'
  } catch {
    return 'left'
  }
}

const IndexRow = z.object({ definition: z.string(), valid: z.boolean(), table: z.string() })
type FoundIndex = z.output<typeof IndexRow>

async function findIndex(session: Session, owned: OwnedIndex): Promise<FoundIndex | undefined> {
  const [found] = await session.rows(
    IndexRow,
    `SELECT pg_get_indexdef(i.indexrelid) AS definition, i.indisvalid AND i.indisready AS valid,
            t.relname AS table
     FROM pg_index i
     JOIN pg_class c ON c.oid = i.indexrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_class t ON t.oid = i.indrelid
     WHERE n.nspname = $1 AND c.relname = $2`,
    [owned.schema, owned.name],
  )
  return found
}

function stateOf(found: FoundIndex | undefined, owned: OwnedIndex): ChangeState {
  if (found === undefined || !isOurs(found, owned)) return 'absent'
  return found.valid ? 'present' : 'partial'
}

function isOurs(found: FoundIndex, owned: OwnedIndex): boolean {
  return found.table === owned.table && isSameDefinition(found.definition, owned.definition)
}

function requireOurs(found: FoundIndex | undefined, owned: OwnedIndex): void {
  if (found === undefined || isOurs(found, owned)) return
  throw new PerfloopError('CHANGE_FAILED', {
    index: owned.name,
    reason: 'an index of this name with another definition is there, and is not touched',
    found: found.definition,
  })
}

async function openForChange(context: ApplyContext): Promise<Session> {
  const { lockTimeoutMs, buildTimeoutMs } = context.settings.createIndex
  return openSession(PostgresOptions.parse(context.targetOptions), {
    statementTimeoutMs: buildTimeoutMs,
    lockTimeoutMs,
    connectTimeoutMs: context.settings.collect.connectTimeoutMs,
    readOnly: false,
  })
}

async function run(
  session: Session,
  sql: string,
  owned: OwnedIndex,
  context: ApplyContext,
): Promise<void> {
  context.signal.throwIfAborted()
  const cancel = () => void session.cancel()
  context.signal.addEventListener('abort', cancel, { once: true })
  try {
    await session.run(sql)
  } catch (cause) {
    const details = { index: owned.name, sql, reason: reasonOf(cause) }
    if (sqlStateOf(cause) === SQL_STATE.insufficientPrivilege) {
      throw new PerfloopError('TARGET_PERMISSION_DENIED', details, cause)
    }
    throw new PerfloopError('CHANGE_FAILED', details, cause)
  } finally {
    context.signal.removeEventListener('abort', cancel)
  }
}
