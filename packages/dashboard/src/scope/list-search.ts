/** Filters of the lists in the address. Every list uses some of them. */
export interface ListSearch {
  readonly page?: number
  readonly sort?: string
  readonly kind?: string
  readonly q?: string
  readonly status?: string
  readonly severity?: string
  readonly op?: string
  readonly failed?: string
  readonly min?: string
}

const TEXTS = ['sort', 'kind', 'q', 'status', 'severity', 'op', 'failed', 'min'] as const

export function readListSearch(search: Readonly<Record<string, unknown>>): ListSearch {
  const page = Number(search.page)
  const texts = TEXTS.flatMap(name => {
    const value = search[name]
    return typeof value === 'string' && value !== '' ? [[name, value]] : []
  })
  return {
    ...Object.fromEntries(texts),
    ...(Number.isInteger(page) && page > 1 ? { page } : {}),
  }
}

export function oneOf<Value extends string>(
  values: readonly Value[],
  asked: string | undefined,
): Value | undefined {
  return values.find(value => value === asked)
}
