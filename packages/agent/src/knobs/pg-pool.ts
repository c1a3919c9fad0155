import type { Knobs } from '../control/knobs.ts'
import { wrapMethod } from '../instrument/wrap-method.ts'

/** What pg-pool reads anew each time it decides: https://node-postgres.com/apis/pool */
interface PoolOptions {
  max: number
  idleTimeoutMillis: number
  connectionTimeoutMillis: number
}

interface Pool {
  readonly options: PoolOptions
  connect(...args: unknown[]): unknown
}

interface PoolKnob {
  readonly name: string
  readonly unit: string
  readonly option: keyof PoolOptions
  readonly description: string
}

const POOL_KNOBS: readonly PoolKnob[] = [
  {
    name: 'pg.pool.max',
    unit: '{connection}',
    option: 'max',
    description: 'Connections of each pool of pg; the largest pool is told',
  },
  {
    name: 'pg.pool.idle_timeout',
    unit: 'ms',
    option: 'idleTimeoutMillis',
    description: 'How long a connection of pg may be idle before it is closed',
  },
  {
    name: 'pg.pool.connection_timeout',
    unit: 'ms',
    option: 'connectionTimeoutMillis',
    description: 'How long pg waits for a connection of its pool; 0 for ever',
  },
]
const MOST_POOLS = 100

/** Pools are known by their first use. Each keeps its own values and gets them back. */
export function offerPgPoolKnobs(knobs: Knobs, exports: object): void {
  const wanted = POOL_KNOBS.filter(({ name }) => knobs.isEnabled(name))
  const { prototype } = exports as { readonly prototype: Pool }
  if (wanted.length === 0 || typeof prototype?.connect !== 'function') return
  const pools = new Set<WeakRef<Pool>>()
  const seen = new WeakSet<Pool>()
  const alive = () => [...pools].flatMap(pool => pool.deref() ?? [])
  const turned = new Map<PoolKnob, number>()
  const own = new WeakMap<Pool, Partial<PoolOptions>>()
  const turn = (pool: Pool, knob: PoolKnob, value: number) => {
    const kept = own.get(pool) ?? {}
    kept[knob.option] ??= pool.options[knob.option]
    own.set(pool, kept)
    pool.options[knob.option] = value
  }
  for (const knob of wanted) {
    knobs.offer({
      ...knob,
      read() {
        const values = alive().map(pool => pool.options[knob.option])
        return values.length === 0 ? undefined : Math.max(...values)
      },
      apply(value) {
        turned.set(knob, value)
        for (const pool of alive()) turn(pool, knob, value)
      },
      putBack() {
        turned.delete(knob)
        for (const pool of alive()) {
          const value = own.get(pool)?.[knob.option]
          if (value !== undefined) pool.options[knob.option] = value
        }
      },
    })
  }
  wrapMethod(
    prototype,
    'connect',
    connect =>
      function (this: Pool, ...args) {
        if (!seen.has(this)) {
          seen.add(this)
          if (pools.size >= MOST_POOLS)
            for (const pool of pools) if (!pool.deref()) pools.delete(pool)
          if (pools.size < MOST_POOLS) {
            pools.add(new WeakRef(this))
            for (const [knob, value] of turned) turn(this, knob, value)
          }
        }
        return connect.apply(this, args)
      },
  )
}
