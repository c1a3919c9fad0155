/** What can be wrong with the shop. Each fault has a healthy twin: the same page, done right. */
export const FAULTS = {
  'n-plus-one': 'GET /orders/recent loads the items of every order with a query of its own',
  'missing-index': 'GET /customers/:id/orders reads all orders to find those of one customer',
  'slow-template': 'GET /reports/sales makes a number formatter for every cell of its table',
  'unbounded-list': 'GET /categories/:slug shows all products of the category at once',
  'error-burst': 'POST /checkout fails for one order in four',
  'missing-cache': 'GET / counts the best sellers anew for every visitor',
} as const

export type Fault = keyof typeof FAULTS

export const FAULT_NAMES = Object.keys(FAULTS).filter(isFault)

export function isFault(name: string): name is Fault {
  return Object.hasOwn(FAULTS, name)
}

/** `n-plus-one,missing-index`; `all` and `none` are understood. Throws on a name that is none. */
export function parseFaults(text: string): readonly Fault[] {
  if (text.trim() === 'all') return FAULT_NAMES
  if (text.trim() === 'none' || text.trim() === '') return []
  return text.split(',').map(part => {
    const name = part.trim()
    if (!isFault(name)) {
      throw new RangeError(`no fault is called "${name}"; there are: ${FAULT_NAMES.join(', ')}`)
    }
    return name
  })
}

/** The faults that are on now. Pages ask at every request, so that a switch works at once. */
export interface FaultSwitches {
  isOn(fault: Fault): boolean
  set(fault: Fault, on: boolean): void
  all(): Readonly<Record<Fault, boolean>>
}

export function createFaultSwitches(initial: readonly Fault[]): FaultSwitches {
  const on = new Set<Fault>(initial)
  return {
    isOn: fault => on.has(fault),
    set(fault, value) {
      if (value) on.add(fault)
      else on.delete(fault)
    },
    all: () => ({
      'n-plus-one': on.has('n-plus-one'),
      'missing-index': on.has('missing-index'),
      'slow-template': on.has('slow-template'),
      'unbounded-list': on.has('unbounded-list'),
      'error-burst': on.has('error-burst'),
      'missing-cache': on.has('missing-cache'),
    }),
  }
}
