import { expect, it } from 'vitest'
import { findOriginal } from './source-map.ts'

/** Two lines of `a.ts` on the first line, from columns 1 and 11; the second line is the third of `b.ts`. */
const MAP = { sourceRoot: 'src/', sources: ['a.ts', 'b.ts'], mappings: 'AAAA,UACA;ACCA' }

it('finds the line that something was written in, by line and column', () => {
  const found = (line: number, column: number) => findOriginal(MAP, line, column)
  expect(found(1, 1)).toEqual({ source: 'src/a.ts', line: 1 })
  expect(found(1, 10)).toEqual({ source: 'src/a.ts', line: 1 })
  expect(found(1, 11)).toEqual({ source: 'src/a.ts', line: 2 })
  expect(found(1, 0)).toEqual({ source: 'src/a.ts', line: 1 })
  expect(found(2, 5)).toEqual({ source: 'src/b.ts', line: 3 })
  expect(found(3, 1)).toBeUndefined()
})

it('finds it in a map that was put together from several', () => {
  const sections = [
    { offset: { line: 0, column: 0 }, map: MAP },
    { offset: { line: 1, column: 20 }, map: { sources: ['c.ts'], mappings: 'AAAA;AAEA' } },
  ]
  expect(findOriginal({ sections }, 2, 20)).toEqual({ source: 'src/b.ts', line: 3 })
  expect(findOriginal({ sections }, 2, 21)).toEqual({ source: 'c.ts', line: 1 })
  expect(findOriginal({ sections }, 3, 4)).toEqual({ source: 'c.ts', line: 3 })
})

it('reads what is no map without an end or an error', () => {
  expect(findOriginal({ sources: ['a.ts'], mappings: '!!,,;;g' }, 3, 1)).toBeUndefined()
  expect(findOriginal({}, 1, 1)).toBeUndefined()
})
