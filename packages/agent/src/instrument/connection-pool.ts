import type { Agent } from '../agent.ts'
import type { Histogram, MetricAttributes, Observe } from '../measure/metrics.ts'
import { clockMs } from '../own-clock.ts'
import type { ActiveSpan } from '../record/active-span.ts'
import { attributeSchema, TEXT } from '../record/attribute-schema.ts'
import { describeError } from '../record/error-description.ts'
import { KIND_INTERNAL } from '../record/span-recorder.ts'
import { codeOf } from './database-statement.ts'

/** Time a request waited for a connection. No `db.system.name`: it is neither a statement nor time of the database. */
const SCHEMA = attributeSchema(
  '@perfloop/agent/pool',
  {},
  { 'db.client.connection.pool.name': TEXT, 'error.type': TEXT },
)

/** A shorter wait is a turn of the event loop: it is counted, but no span of its own. */
const SHORTEST_WAIT_MS = 1
const MOST_POOLS = 50
/** The name of the pools beyond, such as those of an application with one for each of its customers. */
const OTHER = '_other'
/** Seconds, as the conventions advise for durations of database clients. */
const BOUNDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

export interface PoolState {
  readonly idle: number
  readonly used: number
  readonly pending: number
  readonly max: number
}

interface Watched {
  readonly pool: WeakRef<object>
  readonly attributes: MetricAttributes
  state(pool: object): PoolState
}

const numbers = new WeakMap<object, PoolNumbers>()
const byName = new Map<string, PoolNumbers>()
const watched = new Set<Watched>()
const ACQUIRED_AT_MS = Symbol('perfloop.acquired')

interface PooledConnection {
  /** NaN while it is idle. */
  [ACQUIRED_AT_MS]?: number
}

/**
 * What is counted of the pools of one name, which are one to whoever reads it.
 * https://opentelemetry.io/docs/specs/semconv/db/database-metrics/#connection-pools
 */
export class PoolNumbers {
  readonly name: string
  readonly attributes: MetricAttributes
  readonly #waitTime: Histogram
  readonly #useTime: Histogram
  timeouts = 0

  constructor({ metrics }: Agent, name: string) {
    this.name = name
    this.attributes = { 'db.client.connection.pool.name': name }
    const time = (what: string) =>
      metrics.histogram(
        { name: `db.client.connection.${what}_time`, unit: 's' },
        BOUNDS,
        this.attributes,
      )
    this.#waitTime = time('wait')
    this.#useTime = time('use')
  }

  waited(ms: number): void {
    this.#waitTime.record(ms / 1_000)
  }

  used(ms: number): void {
    this.#useTime.record(ms / 1_000)
  }

  acquired(connection: object): void {
    const pooled = connection as PooledConnection
    pooled[ACQUIRED_AT_MS] = clockMs()
  }

  released(connection: object): void {
    const pooled = connection as PooledConnection
    const sinceMs = pooled[ACQUIRED_AT_MS]
    if (sinceMs === undefined || Number.isNaN(sinceMs)) return
    pooled[ACQUIRED_AT_MS] = Number.NaN
    this.used(clockMs() - sinceMs)
  }
}

/** The numbers of a pool, which is watched from its first use on, as long as somebody else holds it. */
export function numbersOf<Pool extends object>(
  agent: Agent,
  pool: Pool,
  nameOfPool: (pool: Pool) => string,
  state: (pool: Pool) => PoolState,
): PoolNumbers {
  const known = numbers.get(pool)
  if (known !== undefined) return known
  const given = nameOfPool(pool)
  const name = byName.has(given) || byName.size < MOST_POOLS ? given : OTHER
  let own = byName.get(name)
  if (own === undefined) {
    if (byName.size === 0) observePools(agent)
    own = new PoolNumbers(agent, name)
    byName.set(name, own)
  }
  numbers.set(pool, own)
  if (watched.size < MOST_POOLS) {
    const { attributes } = own
    watched.add({ pool: new WeakRef(pool), attributes, state: state as Watched['state'] })
  }
  return own
}

function observePools({ metrics }: Agent): void {
  const count = { name: 'db.client.connection.count', unit: '{connection}' }
  metrics.observe('up-down-counter', count, observe => {
    const add = summing(observe)
    for (const { attributes, idle, used } of currentStates()) {
      add(idle, attributes, 'idle')
      add(used, attributes, 'used')
    }
    add.tell()
  })
  const total = (name: string, unit: string, of: (state: PoolState) => number) =>
    metrics.observe('up-down-counter', { name: `db.client.connection.${name}`, unit }, observe => {
      const add = summing(observe)
      for (const state of currentStates()) add(of(state), state.attributes)
      add.tell()
    })
  total('max', '{connection}', ({ max }) => max)
  total('pending_requests', '{request}', ({ pending }) => pending)
  const timeouts = { name: 'db.client.connection.timeouts', unit: '{timeout}' }
  metrics.observe('counter', timeouts, observe => {
    for (const pool of byName.values()) observe(pool.timeouts, pool.attributes)
  })
}

function* currentStates(): Generator<PoolState & { readonly attributes: MetricAttributes }> {
  for (const entry of watched) {
    const pool = entry.pool.deref()
    if (pool === undefined) watched.delete(entry)
    else yield { ...entry.state(pool), attributes: entry.attributes }
  }
}

/** Pools of one name are one. */
function summing(observe: Observe) {
  const sums = new Map<string, { value: number; readonly attributes: MetricAttributes }>()
  const add = (value: number, attributes: MetricAttributes, state?: 'idle' | 'used') => {
    const key = `${attributes['db.client.connection.pool.name']} ${state}`
    const sum = sums.get(key)
    if (sum !== undefined) sum.value += value
    else if (state === undefined) sums.set(key, { value, attributes })
    else
      sums.set(key, { value, attributes: { ...attributes, 'db.client.connection.state': state } })
  }
  const tell = () => {
    for (const { value, attributes } of sums.values()) observe(value, attributes)
  }
  return Object.assign(add, { tell })
}

/** Somebody has waited, with a connection or with an error at the end. */
export function recordPoolWait(
  { recorder, report }: Agent,
  pool: PoolNumbers,
  parent: ActiveSpan | undefined,
  startMs: number,
  error: unknown,
): void {
  try {
    const endMs = clockMs()
    const hasFailed = error !== undefined && error !== null
    if (!hasFailed) pool.waited(endMs - startMs)
    if (parent?.isRecorded !== true || endMs - startMs < SHORTEST_WAIT_MS) return
    const failure = hasFailed ? describeError(error) : undefined
    const code = hasFailed ? codeOf(error) : undefined
    const isBegun = recorder.beginChild(
      SCHEMA,
      'wait for a connection',
      KIND_INTERNAL,
      hasFailed,
      parent,
      startMs,
      endMs,
    )
    if (!isBegun) return
    if (failure !== undefined) recorder.exception(failure, endMs)
    recorder.text(pool.name)
    recorder.text(failure && (code ?? failure.type))
    recorder.end()
  } catch (problem) {
    report('recording a wait for a connection', problem)
  }
}
