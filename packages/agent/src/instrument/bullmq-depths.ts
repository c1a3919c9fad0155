import type { Agent } from '../agent.ts'
import type { MetricAttributes, Observe } from '../measure/metrics.ts'
import { activeSpan } from '../record/active-span.ts'

export interface CountedQueue {
  readonly name: string
  /** With its prefix. */
  readonly qualifiedName?: string
  /** Set when it is being closed. */
  readonly closing?: unknown
}

/** What a queue can be asked, and a worker too, which has no such methods but all that these need. */
export interface QueueGetters {
  getJobCounts(...types: string[]): Promise<Readonly<Record<string, number>>>
}

interface Observed {
  readonly queue: WeakRef<CountedQueue>
  readonly getters: QueueGetters
  readonly name: string
  /** Undefined until it was answered for the first time. */
  counts: Readonly<Record<string, number>> | undefined
  isAsked: boolean
}

const MOST_QUEUES = 50
/** What waits for nothing but a worker has three lists, by whether it has a priority and whether the queue is paused. */
const WAITING = ['waiting', 'prioritized', 'paused']
const STATES = [...WAITING, 'active', 'delayed']

/**
 * How many jobs wait, run and are delayed in each queue that is used here. Each time the metrics are told, which is
 * seldom, the queue is asked once more over its own connection, and what it answered last is told: nothing waits for it,
 * no timer is needed, and a process that would end ends.
 */
class QueueDepths {
  readonly #queues = new Map<string, Observed>()

  constructor({ metrics, report }: Agent) {
    // No convention has a name for it.
    const definition = { name: 'perfloop.job.queue.depth', unit: '{job}' }
    metrics.observe('gauge', definition, observe => {
      for (const [key, observed] of this.#queues) {
        const queue = observed.queue.deref()
        if (queue === undefined || queue.closing) {
          this.#queues.delete(key)
          continue
        }
        if (observed.counts !== undefined) tell(observe, observed.name, observed.counts)
        ask(queue, observed).catch((error: unknown) => report('asking a queue of BullMQ', error))
      }
    })
  }

  note(queue: CountedQueue, getters: QueueGetters): void {
    const key = String(queue.qualifiedName ?? queue.name)
    const known = this.#queues.get(key)?.queue.deref()
    if (known !== undefined && !known.closing) return
    if (known === undefined && this.#queues.size >= MOST_QUEUES) return
    const name = String(queue.name)
    this.#queues.set(key, {
      queue: new WeakRef(queue),
      getters,
      name,
      counts: undefined,
      isAsked: false,
    })
  }
}

function tell(observe: Observe, name: string, counts: Readonly<Record<string, number>>): void {
  const state = (state: string, value: number) => {
    const attributes: MetricAttributes = {
      'messaging.destination.name': name,
      'perfloop.job.state': state,
    }
    observe(value, attributes)
  }
  state(
    'waiting',
    WAITING.reduce((sum, list) => sum + (counts[list] ?? 0), 0),
  )
  state('active', counts.active ?? 0)
  state('delayed', counts.delayed ?? 0)
}

/** One question at a time: a server that is away would be asked more and more. */
async function ask(queue: CountedQueue, observed: Observed): Promise<void> {
  if (observed.isAsked) return
  observed.isAsked = true
  const { getters } = observed
  const asked = Object.create(queue, Object.getOwnPropertyDescriptors(getters)) as QueueGetters
  try {
    // Nobody's work: it is part of no trace.
    observed.counts = await activeSpan.run(undefined, () => asked.getJobCounts(...STATES))
  } catch (error) {
    // The connection was closed in the meantime.
    if (!queue.closing) throw error
  } finally {
    observed.isAsked = false
  }
}

let depths: QueueDepths | undefined

/** Of the process, however many copies of the package it has. */
export function queueDepths(agent: Agent): QueueDepths {
  depths ??= new QueueDepths(agent)
  return depths
}
