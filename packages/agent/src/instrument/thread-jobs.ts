import { basename } from 'node:path'
import {
  isMainThread,
  type MessagePort,
  parentPort,
  threadId,
  workerData,
} from 'node:worker_threads'
import type { Agent } from '../agent.ts'
import { clockMs, setTimeout } from '../own-clock.ts'
import { ActiveSpan, activeSpan } from '../record/active-span.ts'
import { attributeSchema, INTEGER, TEXT } from '../record/attribute-schema.ts'
import { KIND_INTERNAL, type SpanRecorder } from '../record/span-recorder.ts'
import { type Job, runJob } from './job-span.ts'

/** https://opentelemetry.io/docs/specs/semconv/general/attributes/#general-thread-attributes */
const SCHEMA = attributeSchema(
  '@perfloop/agent/threads',
  {},
  { 'thread.id': INTEGER, 'error.type': TEXT },
)

/** What takes longer was not made for one job. */
const LONGEST_JOB_MS = 600_000

type Listener = (this: unknown, ...args: unknown[]) => unknown

/**
 * Jobs of the worker thread that this is: each message from the thread that made it, or, where it was given its data when
 * it was made and listens for no message, all that it does. Roots, since a message cannot carry a trace.
 */
export function instrumentThreadJobs(agent: Agent): void {
  if (isMainThread || parentPort === null) return
  const name = `thread ${basename(process.argv[1] ?? '')}`
  const hasData = workerData !== undefined && workerData !== null
  const finishOnly = hasData ? beginOnlyJob(agent, name) : undefined
  traceMessages(agent, parentPort, name, () => finishOnly?.(false))
}

/** All ways to listen end in these two; those who listen are known to nobody but by what they take away again. */
function traceMessages(
  agent: Agent,
  port: MessagePort,
  name: string,
  onListener: () => void,
): void {
  const traced = new WeakMap<Listener, Listener>()
  const describe = (): Job => ({
    schema: SCHEMA,
    name,
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
  const { addEventListener, removeEventListener } = port
  port.addEventListener = function (this: MessagePort, ...args: unknown[]) {
    const [type, listener] = args
    if (type === 'message') {
      onListener()
      if (typeof listener === 'function') args[1] = trace(listener as Listener)
    }
    return Reflect.apply(addEventListener, this, args)
  } as typeof addEventListener
  port.removeEventListener = function (this: MessagePort, ...args: unknown[]) {
    const [type, listener] = args
    if (type === 'message') args[1] = traced.get(listener as Listener) ?? listener
    return Reflect.apply(removeEventListener, this, args)
  } as typeof removeEventListener
}

/** Whatever has no other span belongs to it until it is over; answers how to end it. */
function beginOnlyJob(agent: Agent, name: string): (isDone: boolean) => void {
  const span = new ActiveSpan(undefined)
  span.place = name
  const getStore = activeSpan.getStore.bind(activeSpan)
  let isOver = false
  let isUsed = false
  activeSpan.getStore = () => {
    const own = getStore()
    if (own !== undefined || isOver) return own
    isUsed = true
    return span
  }
  const finish = (isDone: boolean) => {
    if (isOver) return
    isOver = true
    if (isDone || isUsed) record(agent, span, name)
  }
  process.on('exit', () => finish(true))
  setTimeout(() => finish(false), LONGEST_JOB_MS).unref()
  return finish
}

function record({ recorder, report }: Agent, span: ActiveSpan, name: string): void {
  try {
    if (!span.isRecorded) return
    if (!recorder.begin(SCHEMA, name, KIND_INTERNAL, false, span, span.startMs, clockMs())) return
    write(recorder)
    recorder.text(undefined)
    recorder.end()
  } catch (error) {
    report('recording the job of a thread', error)
  }
}

function write(recorder: SpanRecorder): void {
  recorder.integer(threadId)
}
