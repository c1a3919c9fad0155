import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import { type ActiveSpan, activeSpan } from '../record/active-span.ts'
import { type AttributeSchema, attributeSchema, INTEGER, TEXT } from '../record/attribute-schema.ts'
import { describeError } from '../record/error-description.ts'
import { KIND_CLIENT } from '../record/span-recorder.ts'
import type { RepeatedText } from '../record/text-table.ts'
import { awaitingLine, isSettled, issuingLine, type KnownText, knownText } from './issuing-line.ts'
import {
  declareHashes,
  hashParameters,
  hashRows,
  type ParametersHash,
  resultHashes,
  schemaWithHashes,
  UNKNOWN,
  valuesAmong,
} from './result-hash.ts'

/** A statement that was issued and is not over. */
export interface Statement {
  readonly known: KnownText
  readonly parent: ActiveSpan
  readonly startMs: number
  readonly parameters: ParametersHash
}

/** Where statements go. */
export interface DatabaseAddress {
  readonly namespace: string | RepeatedText | undefined
  readonly host: string | RepeatedText | undefined
  readonly port: number | undefined
}

/** https://opentelemetry.io/docs/specs/semconv/db/database-spans/ */
export function statementSchema(driver: string, system: string): AttributeSchema {
  const fixed = { 'db.system.name': system }
  const schema = attributeSchema(`@perfloop/agent/${driver}`, fixed, STATEMENT_ATTRIBUTES)
  declareHashes(schema, fixed, STATEMENT_ATTRIBUTES)
  return schema
}

const STATEMENT_ATTRIBUTES = {
  'db.namespace': TEXT,
  'db.query.text': TEXT,
  'server.address': TEXT,
  'server.port': INTEGER,
  'db.response.returned_rows': INTEGER,
  'db.response.status_code': TEXT,
  'error.type': TEXT,
  'code.file.path': TEXT,
  'code.line.number': INTEGER,
} as const

/** Whose statements are to be timed now, if anybody's. */
export function followedParent(): ActiveSpan | undefined {
  const parent = activeSpan.getStore()
  return parent?.isFollowed === true ? parent : undefined
}

/** Whose statements are to be recorded now, if anybody's. */
export function recordedParent(): ActiveSpan | undefined {
  const parent = activeSpan.getStore()
  return parent?.isRecorded === true ? parent : undefined
}

/**
 * To be called while the application's own code is on the stack. `asked` and `values` are the first arguments of the
 * driver's method.
 */
export function beginStatement(
  text: string,
  parent: ActiveSpan,
  asked?: unknown,
  values?: unknown,
): Statement {
  const known = knownText(text)
  if (parent.isRecorded) issuingLine(known, parent.place)
  const { repeats } = parent.totals
  if (repeats !== undefined) repeats.set(text, (repeats.get(text) ?? 0) + 1)
  const parameters =
    resultHashes.areTold && parent.isRecorded
      ? hashParameters(known, valuesAmong(asked, values))
      : UNKNOWN
  return { known, parent, startMs: clockMs(), parameters }
}

/**
 * For statements that a pool issues later: who asks for them is on the stack only now. Answers what is to be called
 * when the promise of the pool is answered, if the line was not found.
 */
export function noteIssuingLine(
  agent: Agent,
  text: string | undefined,
  parent = activeSpan.getStore(),
): (() => void) | undefined {
  try {
    if (text === undefined || parent?.isRecorded !== true) return undefined
    const known = knownText(text)
    const { place } = parent
    if (isSettled(issuingLine(known, place))) return undefined
    return () => {
      try {
        awaitingLine(known, place)
      } catch (error) {
        agent.report('finding the line of a statement', error)
      }
    }
  } catch (error) {
    agent.report('finding the line of a statement', error)
    return undefined
  }
}

/**
 * The statement is over; answers when. `code` is the database's own for what went wrong, where the driver tells it;
 * `rows` is NaN where nobody knows, `result` all rows it has answered, where the driver has them all.
 */
export function recordStatement(
  { recorder, report }: Agent,
  schema: AttributeSchema,
  statement: Statement,
  address: DatabaseAddress,
  error: unknown,
  code: string | undefined,
  rows: number,
  result?: unknown,
): number {
  const endMs = clockMs()
  try {
    const { known, parent, startMs } = statement
    const hasFailed = error !== undefined && error !== null
    const hashes =
      Array.isArray(result) && statement.parameters !== UNKNOWN
        ? hashRows(known, statement.parameters, result, recorder.budget)
        : undefined
    const failure = hasFailed && parent.isRecorded ? describeError(error) : undefined
    const isBegun = recorder.beginChild(
      hashes === undefined ? schema : schemaWithHashes(schema),
      known.name,
      KIND_CLIENT,
      hasFailed,
      parent,
      startMs,
      endMs,
    )
    if (!isBegun) return endMs
    if (failure !== undefined) recorder.exception(failure, endMs)
    recorder.text(address.namespace)
    recorder.text(known.text)
    recorder.text(address.host)
    recorder.integer(address.port ?? Number.NaN)
    recorder.integer(rows)
    recorder.text(code)
    recorder.text(failure && (code ?? failure.type))
    const { file, position } = issuingLine(known, parent.place)
    recorder.text(file)
    recorder.integer(position)
    if (hashes !== undefined) {
      recorder.passingText(hashes.parameters)
      recorder.passingText(hashes.result)
      recorder.integer(hashes.hashedRows)
    }
    recorder.end()
  } catch (problem) {
    report('recording a statement', problem)
  }
  return endMs
}

/** The `code` of an error, where it is a text. */
export function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' ? (error as { code?: unknown } | null)?.code : undefined
  return typeof code === 'string' ? code : undefined
}

/**
 * The application's callback with `note` before it, called where it was given: a driver calls back in the context of
 * whoever opened the connection, or of whoever gave it back to its pool. Without a span too.
 */
export function bindCallback<Callback extends (...args: never[]) => unknown>(
  parent: ActiveSpan | undefined,
  callback: Callback,
  note: ((...args: Parameters<Callback>) => void) | undefined,
): Callback {
  return function (this: unknown, ...args: Parameters<Callback>) {
    note?.(...args)
    return activeSpan.run(parent, () => callback.apply(this, args))
  } as Callback
}

/**
 * The application gets the promise that follows, so that one that fails and that nobody waits for is still told of.
 * `note` must not throw.
 */
export function followPromise<Value>(
  promise: Promise<Value>,
  note: (error: unknown, value: Value | undefined) => void,
): Promise<Value> {
  return promise.then(
    value => {
      note(undefined, value)
      return value
    },
    (error: unknown) => {
      note(error, undefined)
      throw error
    },
  )
}

/**
 * Of what a driver answers. What an application answers may be one that does its work when it is waited for, and again
 * when it is waited for again, as the queries of mappers: there only Node's own promises are followed.
 */
export function isPromise(value: unknown): value is Promise<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}
