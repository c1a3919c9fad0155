import type { Agent } from '../agent.ts'
import { offerSequelizePoolKnobs, offerTarnPoolKnobs } from '../knobs/mapper-pools.ts'
import { clockMs } from '../own-clock.ts'
import { type ActiveSpan, activeSpan } from '../record/active-span.ts'
import { numbersOf, type PoolNumbers, type PoolState, recordPoolWait } from './connection-pool.ts'
import { followPromise, isPromise } from './database-statement.ts'
import type { PatchedModule } from './module-hook.ts'
import { wrapMethod } from './wrap-method.ts'

/** Where the connections of a mapper go. */
interface Address {
  readonly host?: unknown
  readonly port?: unknown
  readonly database?: unknown
  /** Of SQLite, in Knex and in Sequelize. */
  readonly filename?: unknown
  readonly storage?: unknown
}

/** A pool knows what it makes and not what for: that is told by the mapper which has made it. */
const names = new WeakMap<object, () => string>()

/** Pools that mappers have of their own: `tarn` of Knex and of the driver of SQL Server, `sequelize-pool` of Sequelize. */
export function mapperPoolModules(agent: Agent): readonly PatchedModule[] {
  const inner = (name: string, file: string, patch: (exports: object) => void) => ({
    package: name,
    file,
    isInner: true as const,
    patch,
  })
  return [
    inner('tarn', 'dist/Pool.js', exports => {
      instrumentTarn(agent, exports)
      offerTarnPoolKnobs(agent.knobs, exports)
    }),
    inner('knex', 'lib/client.js', exports => nameKnexPools(agent, exports)),
    inner('sequelize-pool', 'lib/Pool.js', exports => {
      instrumentSequelizePool(agent, exports)
      offerSequelizePoolKnobs(agent.knobs, exports)
    }),
    inner('sequelize', 'lib/dialects/abstract/connection-manager.js', exports =>
      nameSequelizePools(agent, exports),
    ),
  ]
}

/** https://github.com/vincit/tarn.js */
interface TarnPool {
  readonly max: number
  numUsed(): number
  numFree(): number
  numPendingAcquires(): number
  acquire(): { promise: unknown }
  release(connection: object): unknown
}

function instrumentTarn(agent: Agent, exports: object): void {
  const { prototype } = (exports as { readonly Pool: { readonly prototype: TarnPool } }).Pool
  const numbers = (pool: TarnPool) => poolNumbers(agent, pool, 'tarn', stateOfTarn)
  wrapMethod(
    prototype,
    'acquire',
    acquire =>
      function (this: TarnPool) {
        const note = beginWait(agent, this, numbers, stateOfTarn)
        const pending = acquire.call(this)
        if (note !== undefined && isPromise(pending.promise)) {
          pending.promise = followPromise(pending.promise, note)
        }
        return pending
      },
  )
  instrumentRelease(agent, prototype, numbers)
}

function stateOfTarn(pool: TarnPool): PoolState {
  return {
    idle: pool.numFree(),
    used: pool.numUsed(),
    pending: pool.numPendingAcquires(),
    max: pool.max,
  }
}

/** https://github.com/sequelize/sequelize-pool */
interface SequelizePool {
  readonly available: number
  readonly using: number
  readonly waiting: number
  readonly maxSize: number
  acquire(): unknown
  release(connection: object): unknown
}

function instrumentSequelizePool(agent: Agent, exports: object): void {
  const { prototype } = (exports as { readonly Pool: { readonly prototype: SequelizePool } }).Pool
  const numbers = (pool: SequelizePool) =>
    poolNumbers(agent, pool, 'sequelize-pool', stateOfSequelize)
  wrapMethod(
    prototype,
    'acquire',
    acquire =>
      function (this: SequelizePool) {
        const note = beginWait(agent, this, numbers, stateOfSequelize)
        const connection = acquire.call(this)
        return note !== undefined && isPromise(connection)
          ? followPromise(connection, note)
          : connection
      },
  )
  instrumentRelease(agent, prototype, numbers)
}

function stateOfSequelize({ available, using, waiting, maxSize }: SequelizePool): PoolState {
  return { idle: available, used: using, pending: waiting, max: maxSize }
}

function poolNumbers<Pool extends object>(
  agent: Agent,
  pool: Pool,
  otherwise: string,
  state: (pool: Pool) => PoolState,
): PoolNumbers {
  return numbersOf(agent, pool, () => names.get(pool)?.() ?? otherwise, state)
}

/** What is to be called with the error, or with none and the connection. */
function beginWait<Pool>(
  agent: Agent,
  pool: Pool,
  numbersOfPool: (pool: Pool) => PoolNumbers,
  stateOfPool: (pool: Pool) => PoolState,
): ((error: unknown, connection?: unknown) => void) | undefined {
  try {
    const numbers = numbersOfPool(pool)
    const { idle } = stateOfPool(pool)
    const parent: ActiveSpan | undefined = activeSpan.getStore()
    const startMs = clockMs()
    return (error, connection) => {
      try {
        // Only one of the two gives its errors a name.
        if (error instanceof Error && error.constructor.name === 'TimeoutError') numbers.timeouts++
        if (typeof connection === 'object' && connection !== null) numbers.acquired(connection)
        // One that was idle is looked at before it is given: no wait for somebody else.
        if (idle > 0 && (error === undefined || error === null)) numbers.waited(0)
        else recordPoolWait(agent, numbers, parent, startMs, error)
      } catch (failure) {
        agent.report('watching a connection of a mapper', failure)
      }
    }
  } catch (error) {
    agent.report('watching a pool of a mapper', error)
    return undefined
  }
}

function instrumentRelease<Pool extends { release(connection: object): unknown }>(
  agent: Agent,
  prototype: Pool,
  numbersOfPool: (pool: Pool) => PoolNumbers,
): void {
  wrapMethod(
    prototype as { release(connection: object): unknown },
    'release',
    release =>
      function (this: Pool, connection: object) {
        try {
          numbersOfPool(this).released(connection)
        } catch (error) {
          agent.report('watching a connection of a mapper', error)
        }
        return release.call(this, connection)
      },
  )
}

interface KnexClient {
  readonly pool?: object
  readonly driverName?: string
  readonly connectionSettings?: Address
  initializePool(...args: unknown[]): unknown
}

function nameKnexPools(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: KnexClient }
  wrapMethod(
    prototype,
    'initializePool',
    initializePool =>
      function (this: KnexClient, ...args) {
        const result = initializePool.apply(this, args)
        try {
          // Settings that a function gives are known when the first connection is opened.
          const name = () => addressName(this.connectionSettings ?? {}, this.driverName)
          if (this.pool !== undefined) names.set(this.pool, name)
        } catch (error) {
          agent.report('naming a pool of Knex', error)
        }
        return result
      },
  )
}

interface SequelizeConnections {
  readonly pool?: object & { readonly read?: object; readonly write?: object }
  readonly config?: Address & {
    readonly replication?: { readonly read?: readonly Address[]; readonly write?: Address } | false
  }
  readonly dialectName?: string
  initPools(): unknown
}

function nameSequelizePools(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: SequelizeConnections }
  wrapMethod(
    prototype,
    'initPools',
    initPools =>
      function (this: SequelizeConnections) {
        const result = initPools.call(this)
        try {
          const { pool, config = {}, dialectName } = this
          const name = (own: object | undefined, address: Address | undefined) => {
            if (own !== undefined) names.set(own, () => addressName(address ?? {}, dialectName))
          }
          const { read, write } = config.replication || {}
          name(pool, config)
          name(pool?.write, write)
          // One pool for all that are only read from.
          name(pool?.read, read?.[0])
        } catch (error) {
          agent.report('naming a pool of Sequelize', error)
        }
        return result
      },
  )
}

const PORTS = new Map([
  ['pg', 5432],
  ['postgres', 5432],
  ['pgnative', 5432],
  ['mysql', 3306],
  ['mysql2', 3306],
  ['mariadb', 3306],
  ['mssql', 1433],
])

/** `db.client.connection.pool.name`, as the conventions make it where the application gives none. */
function addressName(
  { host, port, database, filename, storage }: Address,
  driver: string | undefined,
): string {
  const file = filename ?? storage
  if (typeof file === 'string') return file
  const name = typeof database === 'string' ? database : ''
  return `${host ?? 'localhost'}:${port ?? PORTS.get(driver ?? '') ?? ''}/${name}`
}
