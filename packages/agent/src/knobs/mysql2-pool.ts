import type { Knobs } from '../control/knobs.ts'
import { offerPoolKnobs, type PoolKnob } from './pool-knobs.ts'

/** What a pool of mysql2 reads anew each time it decides: https://sidorares.github.io/node-mysql2/docs#using-connection-pools */
type PoolOptions = Record<'connectionLimit' | 'queueLimit' | 'idleTimeout', number>

interface Pool {
  readonly config: PoolOptions
  getConnection(...args: never[]): unknown
}

const POOL_KNOBS: readonly PoolKnob<PoolOptions>[] = [
  {
    name: 'mysql2.pool.max',
    unit: '{connection}',
    option: 'connectionLimit',
    description: 'Connections of each pool of mysql2; the largest pool is told',
  },
  {
    name: 'mysql2.pool.max_waiting',
    unit: '{request}',
    option: 'queueLimit',
    description: 'How many may wait for a connection of mysql2; 0 without limit',
  },
  {
    name: 'mysql2.pool.idle_timeout',
    unit: 'ms',
    option: 'idleTimeout',
    description: 'How long a connection of mysql2 may be idle before it is closed',
  },
]

export function offerMysql2PoolKnobs(knobs: Knobs, exports: object): void {
  const { prototype } = exports as { readonly prototype: Pool }
  offerPoolKnobs(knobs, POOL_KNOBS, prototype, 'getConnection', ({ config }) => config)
}
