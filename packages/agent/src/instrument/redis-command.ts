import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import { type ActiveSpan, activeSpan } from '../record/active-span.ts'
import { attributeSchema, INTEGER, PASSING_TEXT, TEXT } from '../record/attribute-schema.ts'
import { describeError } from '../record/error-description.ts'
import { KIND_CLIENT } from '../record/span-recorder.ts'
import { recordedParent } from './database-statement.ts'
import { issuingLine, type KnownText, knownText } from './issuing-line.ts'

/** https://opentelemetry.io/docs/specs/semconv/db/redis/ */
const SCHEMA = attributeSchema(
  '@perfloop/agent/redis',
  { 'db.system.name': 'redis' },
  {
    'db.namespace': TEXT,
    'db.operation.name': TEXT,
    'db.operation.batch.size': INTEGER,
    'db.query.text': PASSING_TEXT,
    'server.address': TEXT,
    'server.port': INTEGER,
    'db.response.status_code': TEXT,
    'error.type': TEXT,
    'code.file.path': TEXT,
    'code.line.number': INTEGER,
  },
)

/** A command, or several that were sent as one, that was issued and is not over. */
export interface RedisCall {
  readonly operation: string
  readonly text: string
  /** NaN for one that was sent alone. */
  readonly batchSize: number
  readonly known: KnownText
  readonly parent: ActiveSpan
  readonly startMs: number
}

export interface RedisAddress {
  readonly database: number | undefined
  readonly host: string | undefined
  readonly port: number | undefined
}

const MOST_TOLD_OF_BATCH = 8
const LONGEST_KEY = 128

/** Commands whose first argument is no key, and may be a secret or a program. */
const WITHOUT_KEY = new Set(
  (
    'ACL AUTH CLIENT COMMAND CONFIG DEBUG ECHO EVAL EVALSHA EVALSHA_RO EVAL_RO FCALL FCALL_RO FUNCTION HELLO INFO ' +
    'LATENCY MEMORY MIGRATE MODULE MONITOR PING PSUBSCRIBE PUBLISH SCAN SCRIPT SELECT SLOWLOG SPUBLISH SSUBSCRIBE ' +
    'SUBSCRIBE SWAPDB WAIT'
  ).split(' '),
)

export function beginCommand(name: unknown, args: readonly unknown[]): RedisCall | undefined {
  const parent = recordedParent()
  if (parent === undefined) return undefined
  const operation = operationOf(name)
  return begin(parent, operation, textOf(operation, args), lineKeyOf(operation, args), Number.NaN)
}

/** One span for all: they go to the server and come back together. */
export function beginBatch(
  kind: 'PIPELINE' | 'MULTI',
  commands: readonly (readonly [name: unknown, args: readonly unknown[]])[],
): RedisCall | undefined {
  const parent = recordedParent()
  const [first] = commands
  if (parent === undefined || first === undefined) return undefined
  const name = operationOf(first[0])
  const isOneKind = commands.every(([other]) => operationOf(other) === name)
  const texts = commands
    .slice(0, MOST_TOLD_OF_BATCH)
    .map(([other, args]) => textOf(operationOf(other), args))
  if (commands.length > MOST_TOLD_OF_BATCH) texts.push('…')
  const operation = isOneKind ? `${kind} ${name}` : kind
  return begin(
    parent,
    operation,
    texts.join('\n'),
    `${operation} ${lineKeyOf(name, first[1])}`,
    commands.length,
  )
}

function begin(
  parent: ActiveSpan,
  operation: string,
  text: string,
  lineKey: string,
  batchSize: number,
): RedisCall {
  const known = knownText(lineKey)
  issuingLine(known, parent.place)
  return { operation, text, batchSize, known, parent, startMs: clockMs() }
}

export function recordCommand(
  { recorder, report }: Agent,
  call: RedisCall,
  address: RedisAddress,
  error: unknown,
): void {
  const endMs = clockMs()
  try {
    const { operation, parent, startMs, known } = call
    const hasFailed = error !== undefined && error !== null
    const code = hasFailed ? codeOfReply(error) : undefined
    const failure = hasFailed && parent.isRecorded ? describeError(error) : undefined
    const isBegun = recorder.beginChild(
      SCHEMA,
      operation,
      KIND_CLIENT,
      hasFailed,
      parent,
      startMs,
      endMs,
    )
    if (!isBegun) return
    if (failure !== undefined) recorder.exception(failure, endMs)
    recorder.text(address.database === undefined ? undefined : String(address.database))
    recorder.text(operation)
    recorder.integer(call.batchSize)
    recorder.passingText(call.text)
    recorder.text(address.host)
    recorder.integer(address.port ?? Number.NaN)
    recorder.text(code)
    recorder.text(failure && (code ?? failure.type))
    const { file, position } = issuingLine(known, parent.place)
    recorder.text(file)
    recorder.integer(position)
    recorder.end()
  } catch (problem) {
    report('recording a command of Redis', problem)
  }
}

function operationOf(name: unknown): string {
  return String(name).slice(0, 64).toUpperCase()
}

/** With its first key, by which reads of the same are told from reads of others; every other argument may be a value. */
function textOf(operation: string, args: readonly unknown[]): string {
  if (args.length === 0) return operation
  const key = keyOf(operation, args)
  if (key === undefined) return `${operation} ?`
  return args.length === 1 ? `${operation} ${key}` : `${operation} ${key} ?`
}

function keyOf(operation: string, args: readonly unknown[]): string | undefined {
  const [key] = args
  if (typeof key !== 'string' || WITHOUT_KEY.has(operation)) return undefined
  return key.length > LONGEST_KEY ? key.slice(0, LONGEST_KEY) : key
}

/** Keys are as many as there are things: those of one kind begin alike, and are read at one line. */
function lineKeyOf(operation: string, args: readonly unknown[]): string {
  const kind = /^[A-Za-z_]{1,32}/.exec(keyOf(operation, args) ?? '')?.[0] ?? ''
  return `${operation} ${kind}`
}

/** The prefix of the error, as the conventions want it: `WRONGTYPE` of `WRONGTYPE Operation against a key …`. */
function codeOfReply(error: unknown): string | undefined {
  const { message } = error as { message?: unknown }
  return typeof message === 'string' ? /^[A-Z]{2,32}(?= )/.exec(message)?.[0] : undefined
}

/** For what a pool or a queue does later, for whoever asked. */
export function boundToCaller<Action extends (...args: never[]) => unknown>(
  action: Action,
): Action {
  const parent = activeSpan.getStore()
  return ((...args: Parameters<Action>) => activeSpan.run(parent, action, ...args)) as Action
}
