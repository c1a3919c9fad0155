import type { Knobs } from '../control/knobs.ts'
import { offerPoolKnobs, type PoolKnob } from './pool-knobs.ts'

type PoolOptions = Record<'max' | 'idleTimeoutMillis' | 'acquireTimeoutMillis', number>

function poolKnobs(name: string, owner: string): readonly PoolKnob<PoolOptions>[] {
  return [
    {
      name: `${name}.pool.max`,
      unit: '{connection}',
      option: 'max',
      description: `Connections of each pool of ${owner}; the largest pool is told`,
    },
    {
      name: `${name}.pool.idle_timeout`,
      unit: 'ms',
      option: 'idleTimeoutMillis',
      description: `How long a connection of ${owner} may be idle before it is closed`,
    },
    {
      name: `${name}.pool.acquire_timeout`,
      unit: 'ms',
      option: 'acquireTimeoutMillis',
      description: `How long ${owner} waits for a connection of its pool`,
    },
  ]
}

interface TarnPool extends PoolOptions {
  acquire(...args: never[]): unknown
}

/** The pool of Knex: https://github.com/vincit/tarn.js */
export function offerTarnPoolKnobs(knobs: Knobs, exports: object): void {
  const { prototype } = (exports as { readonly Pool: { readonly prototype: TarnPool } }).Pool
  offerPoolKnobs(knobs, poolKnobs('tarn', 'Knex'), prototype, 'acquire', pool => pool)
}

interface SequelizePool extends Omit<PoolOptions, 'max'> {
  readonly _factory: Record<'max', number>
  acquire(...args: never[]): unknown
}

/** https://github.com/sequelize/sequelize-pool */
export function offerSequelizePoolKnobs(knobs: Knobs, exports: object): void {
  const { prototype } = (exports as { readonly Pool: { readonly prototype: SequelizePool } }).Pool
  offerPoolKnobs(knobs, poolKnobs('sequelize', 'Sequelize'), prototype, 'acquire', optionsOf)
}

/** Its size is among what it was made with, the rest is its own. */
function optionsOf(pool: SequelizePool): PoolOptions {
  return {
    get max() {
      return pool._factory.max
    },
    set max(value) {
      pool._factory.max = value
    },
    get idleTimeoutMillis() {
      return pool.idleTimeoutMillis
    },
    set idleTimeoutMillis(value) {
      pool.idleTimeoutMillis = value
    },
    get acquireTimeoutMillis() {
      return pool.acquireTimeoutMillis
    },
    set acquireTimeoutMillis(value) {
      pool.acquireTimeoutMillis = value
    },
  }
}
