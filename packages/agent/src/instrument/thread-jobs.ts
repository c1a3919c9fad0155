import { basename, isAbsolute } from 'node:path'
import {
  isMainThread,
  type MessagePort,
  parentPort,
  threadId,
  workerData,
} from 'node:worker_threads'
import type { Agent } from '../agent.ts'
import { clockMs, setTimeout } from '../own-clock.ts'
import { ActiveSpan, standInForNoSpan } from '../record/active-span.ts'
import { attributeSchema, INTEGER, TEXT } from '../record/attribute-schema.ts'
import { KIND_INTERNAL, type SpanRecorder } from '../record/span-recorder.ts'
import { type Job, runJob } from './job-span.ts'
import { wrapMethod } from './wrap-method.ts'

/** https://opentelemetry.io/docs/specs/semconv/general/attributes/#general-thread-attributes */
const SCHEMA = attributeSchema(
  '@perfloop/agent/threads',
  {},
  { 'thread.id': INTEGER, 'error.type': TEXT },
)

/** What takes longer was not made for one job. */
const LONGEST_JOB_MS = 600_000
/** Of one that ended with an exit code, for whatever reason: https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ */
const FAILED = '_OTHER'

type Listener = (this: unknown, ...args: unknown[]) => unknown

/**
 * Jobs of the worker thread that this is: each message from the thread that made it, or, where it was given its data when
 * it was made and listens for no message, all that it does. Roots, since a message cannot carry a trace.
 */
export function instrumentThreadJobs(agent: Agent): void {
  if (isMainThread || parentPort === null) return
  const hasData = workerData !== undefined && workerData !== null
  const endOnlyJob = hasData ? beginOnlyJob(agent) : undefined
  traceMessages(agent, parentPort, () => endOnlyJob?.())
}

/** By its file. While what `--require` asks for is loaded, an argument stands in its place, which may be a secret. */
function threadName(): string {
  const [, file = ''] = process.argv
  return isAbsolute(file) ? `thread ${basename(file)}` : 'thread'
}

/** All ways to listen end in these two; those who listen are known to nobody but by what they take away again. */
function traceMessages(agent: Agent, port: MessagePort, onListener: () => void): void {
  const traced = new WeakMap<Listener, Listener>()
  const describe = (): Job => ({
    schema: SCHEMA,
    name: threadName(),
    kind: KIND_INTERNAL,
    parent: undefined,
    write,
  })
  const trace = (listener: Listener): Listener => {
    const known = traced.get(listener)
    if (known !== undefined) return known
    const tracing: Listener = function (this: unknown, ...args) {
      return runJob(agent, describe, () => listener.apply(this, args))
    }
    traced.set(listener, tracing)
    return tracing
  }
  wrapMethod(
    port,
    'addEventListener',
    add =>
      function (this: MessagePort, ...args: unknown[]) {
        const [type, listener] = args
        if (type === 'message') {
          onListener()
          if (typeof listener === 'function') args[1] = trace(listener as Listener)
        }
        return Reflect.apply(add, this, args)
      },
  )
  wrapMethod(
    port,
    'removeEventListener',
    remove =>
      function (this: MessagePort, ...args: unknown[]) {
        const [type, listener] = args
        if (type === 'message') args[1] = traced.get(listener as Listener) ?? listener
        return Reflect.apply(remove, this, args)
      },
  )
}

/** Whatever has no other span belongs to it until it is over; answers what ends it where it is not the only one. */
function beginOnlyJob(agent: Agent): () => void {
  const span = new ActiveSpan(undefined)
  span.place = 'thread'
  let isOver = false
  let isUsed = false
  standInForNoSpan(() => {
    if (isOver) return undefined
    isUsed = true
    return span
  })
  const end = (isDone: boolean, exitCode: number) => {
    if (isOver) return
    isOver = true
    if (isDone || isUsed) record(agent, span, exitCode !== 0)
  }
  process.on('exit', code => end(true, code))
  setTimeout(() => end(false, 0), LONGEST_JOB_MS).unref()
  return () => end(false, 0)
}

function record({ recorder, report }: Agent, span: ActiveSpan, hasFailed: boolean): void {
  try {
    if (!span.isRecorded) return
    const { startMs } = span
    const name = threadName()
    if (!recorder.begin(SCHEMA, name, KIND_INTERNAL, hasFailed, span, startMs, clockMs())) return
    write(recorder)
    recorder.text(hasFailed ? FAILED : undefined)
    recorder.end()
  } catch (error) {
    report('recording the job of a thread', error)
  }
}

function write(recorder: SpanRecorder): void {
  recorder.integer(threadId)
}
