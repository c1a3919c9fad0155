import { describe, expect, it } from 'vitest'
import {
  operationSearch,
  readOperationSearch,
  toOperationRef,
} from '../pages/operation/operation-search.ts'
import { oneOf, readListSearch } from './list-search.ts'
import { parseSearch, stringifySearch } from './search-text.ts'

describe('filters in the address', () => {
  it('are read leniently: what is no page or empty is left out', () => {
    expect(readListSearch({ page: '3', q: 'orders', sort: '', other: 'x' })).toEqual({
      page: 3,
      q: 'orders',
    })
    expect(readListSearch({ page: '1' })).toEqual({})
    expect(readListSearch({ page: '-2.5' })).toEqual({})
    expect(oneOf(['a', 'b'], 'c')).toBeUndefined()
  })

  it('are written so that people can read them, and come back the same', () => {
    const search = { op: 'GET /orders/:id', of: 'shop', page: 2, none: undefined, empty: '' }
    const text = stringifySearch(search)
    expect(text).toBe('?op=GET+/orders/:id&of=shop&page=2')
    expect(parseSearch(text)).toEqual({ op: 'GET /orders/:id', of: 'shop', page: '2' })
    expect(stringifySearch({})).toBe('')
  })

  it('carry an operation there and back, whatever its name', () => {
    const operation = {
      environment: 'production',
      service: 'shop',
      operation: 'POST /a?b=c&d #é',
      kind: 'consumer',
    } as const
    const text = stringifySearch({ ...operationSearch(operation) })
    expect(toOperationRef(readOperationSearch(parseSearch(text)))).toEqual(operation)
    expect(readOperationSearch({ kind: 'nonsense' }).kind).toBe('server')
  })
})
