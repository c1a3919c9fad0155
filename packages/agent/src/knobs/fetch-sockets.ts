import type { Agent } from '../agent.ts'
import { UNLIMITED } from '../control/knobs.ts'
import { GLOBAL_DISPATCHERS } from '../instrument/fetch.ts'

interface Limits {
  /** To one origin; null or undefined without limit. */
  readonly connections?: number | null
  /** Requests that one connection has on their way. */
  readonly pipelining?: number
}

interface Dispatcher {
  readonly constructor: new (options: Limits) => Dispatcher
}

const shared = globalThis as unknown as Record<symbol, Dispatcher | undefined>

const OPTIONS: readonly {
  readonly name: string
  readonly unit: string
  readonly option: keyof Limits
  readonly description: string
  readonly byDefault: number
}[] = [
  {
    name: 'fetch.max_sockets',
    unit: '{connection}',
    option: 'connections',
    description: 'Connections of fetch to one origin',
    byDefault: UNLIMITED,
  },
  {
    name: 'fetch.pipelining',
    unit: '{request}',
    option: 'pipelining',
    description:
      'Requests of fetch that one connection has on their way; 1 for one after the other',
    byDefault: 1,
  },
]

/**
 * Limits of the dispatcher that `fetch`, and undici without another one, use. Its own cannot be changed, so one with the
 * same options but these stands in its place, and is taken out again; what is under way ends where it began. Nothing to
 * turn before the first call, nor where the application has a dispatcher of another kind.
 */
export function offerFetchSockets({ knobs }: Pick<Agent, 'knobs'>): void {
  const turned = new Map<keyof Limits, number>()
  /** What was there, by what stands in its place. */
  const replaced = new WeakMap<Dispatcher, Dispatcher>()

  const ownAt = (symbol: symbol): Dispatcher | undefined => {
    const current = shared[symbol]
    // Where the application has put in another one, that one is its own.
    return current && (replaced.get(current) ?? current)
  }
  const stand = () => {
    const standing = new Map<Dispatcher, Dispatcher>()
    for (const symbol of GLOBAL_DISPATCHERS) {
      const own = ownAt(symbol)
      const options = own && optionsOf(own)
      if (own === undefined || options === undefined) continue
      const made = standing.get(own) ?? (turned.size === 0 ? own : limited(own, options, turned))
      standing.set(own, made)
      if (made !== own) replaced.set(made, own)
      shared[symbol] = made
    }
  }

  for (const { option, byDefault, ...described } of OPTIONS) {
    if (!knobs.isEnabled(described.name)) continue
    knobs.offer({
      ...described,
      read() {
        for (const symbol of GLOBAL_DISPATCHERS) {
          const current = shared[symbol]
          const options = current && optionsOf(current)
          if (options !== undefined) return options[option] ?? byDefault
        }
        return undefined
      },
      apply(value) {
        turned.set(option, value)
        stand()
      },
      putBack() {
        turned.delete(option)
        stand()
      },
    })
  }
}

function limited(
  own: Dispatcher,
  options: Limits,
  limits: ReadonlyMap<keyof Limits, number>,
): Dispatcher {
  const told = [...limits].map(([option, value]) => [option, value >= UNLIMITED ? null : value])
  return new own.constructor({ ...options, ...Object.fromEntries(told) })
}

/** Of undici's `Agent`: one for proxies, for tests or with interceptors does more than its options say. */
function optionsOf(dispatcher: Dispatcher): Limits | undefined {
  if (dispatcher.constructor.name !== 'Agent') return undefined
  const symbol = Object.getOwnPropertySymbols(dispatcher).find(
    ({ description }) => description === 'options',
  )
  const options = symbol && (dispatcher as unknown as Record<symbol, unknown>)[symbol]
  return typeof options === 'object' && options !== null ? options : undefined
}
