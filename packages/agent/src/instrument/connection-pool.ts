import type { Agent } from '../agent.ts'
import type { ActiveSpan } from '../record/active-span.ts'
import { attributeSchema, TEXT } from '../record/attribute-schema.ts'
import { randomWord } from '../record/random-ids.ts'
import { KIND_INTERNAL, STATUS_ERROR, STATUS_UNSET } from '../record/span-recorder.ts'
import { codeOf, nameOf } from './database-statement.ts'

/**
 * Time a request waited for a connection. No `db.system.name`: it is neither a statement nor time of the database.
 * https://opentelemetry.io/docs/specs/semconv/db/database-metrics/#metric-dbclientconnectionwait_time
 */
const SCHEMA = attributeSchema(
  '@perfloop/agent/pool',
  {},
  { 'db.client.connection.pool.name': TEXT, 'error.type': TEXT },
)

/** A shorter wait is a turn of the event loop. */
const SHORTEST_WAIT_MS = 1

export function recordPoolWait(
  { recorder, report }: Agent,
  pool: string,
  parent: ActiveSpan | undefined,
  startMs: number,
  error: unknown,
): void {
  try {
    const endMs = performance.now()
    if (parent?.isRecorded !== true || endMs - startMs < SHORTEST_WAIT_MS) return
    const hasFailed = error !== undefined && error !== null
    const isBegun = recorder.begin(
      SCHEMA,
      'wait for a connection',
      KIND_INTERNAL,
      hasFailed ? STATUS_ERROR : STATUS_UNSET,
      parent,
      randomWord(),
      (randomWord() | 1) >>> 0,
      parent.id0,
      parent.id1,
      startMs,
      endMs,
    )
    if (!isBegun) return
    recorder.text(pool)
    recorder.text(hasFailed ? (codeOf(error) ?? nameOf(error)) : undefined)
    recorder.end()
  } catch (failure) {
    report('recording a wait for a connection', failure)
  }
}
