import type { Knobs } from '../control/knobs.ts'
import { wrapMethod } from '../instrument/wrap-method.ts'

/** A number among a pool's options, which the pool reads anew each time it decides. */
export interface PoolKnob<Options> {
  readonly name: string
  readonly unit: string
  readonly option: keyof Options
  readonly description: string
}

const MOST_POOLS = 100

/** Pools are known by their first use of `method`. Each keeps its own values and gets them back. */
export function offerPoolKnobs<
  Option extends string,
  Method extends string,
  Pool extends object & Record<Method, (...args: never[]) => unknown>,
>(
  knobs: Knobs,
  offered: readonly PoolKnob<Record<Option, number>>[],
  prototype: Pool,
  method: Method,
  optionsOf: (pool: Pool) => Record<Option, number>,
): void {
  const wanted = offered.filter(({ name }) => knobs.isEnabled(name))
  if (wanted.length === 0 || typeof prototype?.[method] !== 'function') return
  const pools = new Set<WeakRef<Pool>>()
  const seen = new WeakSet<Pool>()
  const alive = () => [...pools].flatMap(pool => pool.deref() ?? [])
  const turned = new Map<PoolKnob<Record<Option, number>>, number>()
  const own = new WeakMap<Pool, Map<Option, number>>()
  const turn = (pool: Pool, { option }: { readonly option: Option }, value: number) => {
    const options = optionsOf(pool)
    const kept = own.get(pool) ?? new Map<Option, number>()
    if (!kept.has(option)) kept.set(option, options[option])
    own.set(pool, kept)
    options[option] = value
  }
  for (const knob of wanted) {
    knobs.offer({
      ...knob,
      read() {
        const values = alive()
          .map(pool => optionsOf(pool)[knob.option])
          .filter(value => typeof value === 'number')
        return values.length === 0 ? undefined : Math.max(...values)
      },
      apply(value) {
        turned.set(knob, value)
        for (const pool of alive()) turn(pool, knob, value)
      },
      putBack() {
        turned.delete(knob)
        for (const pool of alive()) {
          const kept = own.get(pool)
          const value = kept?.get(knob.option)
          kept?.delete(knob.option)
          if (value !== undefined) optionsOf(pool)[knob.option] = value
        }
      },
    })
  }
  const meet = (pool: Pool) => {
    if (seen.has(pool)) return
    seen.add(pool)
    if (pools.size >= MOST_POOLS) for (const known of pools) if (!known.deref()) pools.delete(known)
    if (pools.size >= MOST_POOLS) return
    pools.add(new WeakRef(pool))
    try {
      for (const [knob, value] of turned) turn(pool, knob, value)
    } catch {
      // Options that the application has frozen stay what they are.
    }
  }
  wrapMethod(
    prototype,
    method as keyof Pool & string,
    original =>
      function (this: Pool, ...args: never[]) {
        meet(this)
        return (original as (...args: never[]) => unknown).apply(this, args)
      } as Pool[keyof Pool & string],
  )
}
