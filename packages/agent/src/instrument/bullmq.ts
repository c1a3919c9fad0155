import type { Agent } from '../agent.ts'
import type { Histogram } from '../measure/metrics.ts'
import { readTraceParent } from '../propagate/trace-context.ts'
import type { RemoteParent } from '../record/active-span.ts'
import { attributeSchema, INTEGER, PASSING_TEXT, TEXT } from '../record/attribute-schema.ts'
import { KIND_CONSUMER } from '../record/span-recorder.ts'
import { type CountedQueue, type QueueGetters, queueDepths } from './bullmq-depths.ts'
import { runJob } from './job-span.ts'
import { wrapMethod } from './wrap-method.ts'

/** https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ */
const SCHEMA = attributeSchema(
  '@perfloop/agent/bullmq',
  {
    'messaging.system': 'bullmq',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
  },
  {
    'messaging.destination.name': TEXT,
    /** Queue and name of the job: a worker does something else for each name. */
    'messaging.destination.template': TEXT,
    'messaging.message.id': PASSING_TEXT,
    'perfloop.job.attempt': INTEGER,
    /** From when it might have begun until it did. */
    'perfloop.job.wait_ms': INTEGER,
    'error.type': TEXT,
  },
)

const WAIT_BOUNDS_S = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800, 7_200]
const MOST_QUEUES = 50

interface BullJob {
  readonly id?: unknown
  readonly name?: unknown
  readonly timestamp?: unknown
  readonly delay?: unknown
  readonly processedOn?: unknown
  readonly attemptsMade?: unknown
  readonly opts?: { readonly delay?: unknown; readonly telemetry?: { readonly metadata?: unknown } }
}

interface Worker extends CountedQueue {
  callProcessJob(job: BullJob, ...rest: unknown[]): unknown
  run(): unknown
}

interface Queue extends CountedQueue {
  waitUntilReady(): unknown
}

interface BullMq {
  readonly Worker?: { readonly prototype: Worker }
  readonly Queue?: { readonly prototype: Queue }
  readonly QueueGetters?: { readonly prototype: QueueGetters }
}

/** By queue, whichever copy of the package its jobs go through. */
const waits = new Map<string, Histogram>()

/** Jobs that a worker of BullMQ 5 or later processes in this process; one in a sandbox is seen from outside only. */
export function instrumentBullMq(agent: Agent, exports: object): void {
  const { Worker, Queue, QueueGetters } = exports as BullMq
  if (typeof Worker?.prototype?.callProcessJob !== 'function') return
  observeQueues(agent, Queue, Worker, QueueGetters)
  const noteWait = (queue: string, waitMs: number) => {
    let histogram = waits.get(queue)
    if (histogram === undefined) {
      if (waits.size >= MOST_QUEUES) return
      const definition = { name: 'perfloop.job.wait', unit: 's' }
      const attributes = { 'messaging.destination.name': queue }
      histogram = agent.metrics.histogram(definition, WAIT_BOUNDS_S, attributes)
      waits.set(queue, histogram)
    }
    histogram.record(waitMs / 1_000)
  }
  wrapMethod(
    Worker.prototype,
    'callProcessJob',
    callProcessJob =>
      function (this: Worker, job, ...rest) {
        const describe = () => {
          const queue = String(this.name)
          const name = String(job.name)
          const work = name === '__default__' || name === '' ? queue : `${queue}/${name}`
          const waitMs = waitOf(job)
          if (Number.isFinite(waitMs)) noteWait(queue, waitMs)
          return {
            schema: SCHEMA,
            name: `process ${work}`,
            kind: KIND_CONSUMER,
            parent: parentOf(job),
            write: (recorder: Agent['recorder']) => {
              recorder.text(queue)
              recorder.text(work)
              recorder.passingText(typeof job.id === 'string' ? job.id : undefined)
              recorder.integer(typeof job.attemptsMade === 'number' ? job.attemptsMade + 1 : 1)
              recorder.integer(Math.round(waitMs))
            },
          }
        }
        return runJob(agent, describe, () => callProcessJob.call(this, job, ...rest))
      },
  )
}

/** Queues are known from when somebody uses them here: adds jobs to them, or works on them. */
function observeQueues(
  agent: Agent,
  Queue: BullMq['Queue'],
  Worker: Required<BullMq>['Worker'],
  QueueGetters: BullMq['QueueGetters'],
): void {
  if (typeof QueueGetters?.prototype?.getJobCounts !== 'function') return
  const depths = queueDepths(agent)
  const note = (queue: CountedQueue) => {
    try {
      depths.note(queue, QueueGetters.prototype)
    } catch (error) {
      agent.report('observing a queue of BullMQ', error)
    }
  }
  if (typeof Queue?.prototype?.waitUntilReady === 'function') {
    wrapMethod(
      Queue.prototype,
      'waitUntilReady',
      waitUntilReady =>
        function (this: Queue) {
          note(this)
          return waitUntilReady.call(this)
        },
    )
  }
  wrapMethod(
    Worker.prototype,
    'run',
    run =>
      function (this: Worker) {
        note(this)
        return run.call(this)
      },
  )
}

/** A job that was delayed could not begin before its time; one that failed before waited for its next try, too. */
function waitOf({ timestamp, delay, opts, processedOn, attemptsMade }: BullJob): number {
  if (attemptsMade !== 0) return Number.NaN
  const delayMs = Number(opts?.delay ?? delay ?? 0)
  const waitMs = Number(processedOn) - Number(timestamp) - (Number.isFinite(delayMs) ? delayMs : 0)
  return Math.max(0, waitMs)
}

/** BullMQ carries the context of who added the job where its own telemetry is turned on. */
function parentOf({ opts }: BullJob): RemoteParent | undefined {
  const metadata = opts?.telemetry?.metadata
  if (typeof metadata !== 'string' || !metadata.startsWith('{')) return undefined
  try {
    const { traceparent, tracestate } = JSON.parse(metadata) as Record<string, unknown>
    return readTraceParent(traceparent, tracestate)
  } catch {
    return undefined
  }
}
