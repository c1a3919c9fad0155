import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KnownStatements } from '../fingerprint/known-statements.ts'
import { KeyedHash } from '../redact/keyed-hash.ts'
import { StatementBook, type StatementText } from './statement-book.ts'

const keyedHash = new KeyedHash(new Uint8Array(16).fill(7))

function textOf(text: string): StatementText {
  const padded = Buffer.from(`pad ${text} pad`)
  return { source: padded, start: 4, end: padded.length - 4, text }
}

function read(book: StatementBook, text: string, system: string) {
  const { pattern, literalsHash } = book.use(textOf(text), {
    system,
    operation: '',
    collection: '',
  })
  // Not its text: statements with one fingerprint share that of the first.
  return { fingerprint: pattern.symbol.text, literalsHash }
}

/** What statements are made of, and what makes lexing them hard. `N` and `S` become a number and a string. */
const PIECES = [
  ...[
    'SELECT ',
    ' FROM orders',
    ' WHERE a',
    ' = ',
    ' IN (',
    ')',
    ', ',
    'VALUES (',
    ' LIMIT ',
    ' AND ',
  ],
  ...[
    'N',
    'N',
    'N',
    '-N',
    '- N',
    '+ -N',
    'S',
    'S',
    'S',
    '(N, N)',
    '(S, N), (S, N)',
    'N.N',
    '.N',
    'N.',
  ],
  ...[
    '"col N"',
    '`b N`',
    '[c N]',
    '"S"',
    '-- N\n',
    '-- S\n',
    '# N S\n',
    '/* N */',
    '/* S',
    '/*',
    '*/',
  ],
  ...[
    '$1',
    '$$ N $$',
    '$t$ S $t$',
    ':name',
    ':N',
    '?',
    '?N',
    '@p',
    '@@N',
    '%s',
    '%(a)s',
    '% N',
    '::int',
  ],
  ...[
    'NeN',
    'N-N',
    '0xN',
    'N_N',
    'tN',
    't.N',
    'N..N',
    "E'a\\'N'",
    'E S',
    'ES',
    'nS',
    "q'[S]'",
    'date S',
  ],
  ...[
    '\\',
    '"',
    "'",
    '`',
    '[',
    ']',
    ';',
    'é',
    ' ',
    '\n',
    'x',
    'N x',
    'IDENTIFIED BY ',
    'PASSWORD S',
  ],
]

const numbers = fc.oneof(fc.nat(999_999).map(String), fc.constant('007'), fc.constant('3.25'))
const strings = fc
  .oneof(
    fc.constantFrom('', ' ', 'a', "it''s", '5', '-- 5', '/* */', '"', '$1', 'é', '?', '`', '\\'),
    fc.string(),
  )
  .map(text => `'${text.replaceAll("'", "''")}'`)

function filled(
  pieces: readonly string[],
  values: readonly [number: string, text: string][],
): string {
  let used = 0
  return pieces.join('').replaceAll(/[NS](?![A-Z])/g, place => {
    const value = values[used++ % values.length] ?? ['1', "'a'"]
    return place === 'N' ? value[0] : value[1]
  })
}

const values = fc.array(fc.tuple(numbers, strings), { minLength: 1, maxLength: 8 })

describe('a statement whose like was read before', () => {
  it.each(['postgresql', 'mysql', 'mssql', 'oracle.db', 'sqlite', 'somethingelse'])(
    'means what it means when it is read for the first time, in %s',
    system => {
      fc.assert(
        fc.property(
          fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 14 }),
          values,
          values,
          (pieces, before, after) => {
            const book = new StatementBook(keyedHash, 8_192)
            read(book, filled(pieces, before), system)
            const text = filled(pieces, after)
            const fresh = new StatementBook(keyedHash, 8_192)
            expect(read(book, text, system)).toEqual(read(fresh, text, system))
          },
        ),
        {
          numRuns: 4_000,
          // A name that does not end is a literal with all that follows: more than a sign.
          examples: [[['[', 'E S'], [['0', "''"]], [['3.25', "']'"]]]],
        },
      )
    },
  )

  it('is told apart by its literals, and by nothing else', () => {
    const book = new StatementBook(keyedHash, 8_192)
    const first = read(book, "SELECT a FROM t WHERE b = 1 AND c = 'x' AND d = -2", 'postgresql')
    const second = read(book, "SELECT a FROM t WHERE b = 1 AND c = 'y' AND d = -2", 'postgresql')
    const again = read(book, "SELECT a FROM t WHERE b = 1 AND c = 'x' AND d = -2", 'postgresql')
    expect(second.fingerprint).toBe(first.fingerprint)
    expect(second.literalsHash).not.toBe(first.literalsHash)
    expect(again).toEqual(first)
  })

  it('is known in each database it is sent to, by one fingerprint', () => {
    const book = new StatementBook(keyedHash, 8_192)
    const sql = 'SELECT a FROM t WHERE b = 1'
    const systems = ['postgresql', 'sqlite', 'postgresql']
    const patterns = systems.map(system => {
      return book.use(textOf(sql), { system, operation: '', collection: '' }).pattern
    })
    expect(patterns.map(({ dialect }) => dialect)).toEqual(systems)
    expect(patterns[0]).toBe(patterns[2])
    expect(patterns[0]?.symbol).toBe(patterns[1]?.symbol)
  })

  it('is remembered within a bound', () => {
    const book = new StatementBook(keyedHash, 8_192)
    for (let n = 0; n < 30_000; n++) {
      read(book, `SELECT column_${n}, ${'x'.repeat(200)} FROM t WHERE a = 1`, 'postgresql')
    }
    expect(book.cacheBytes).toBeLessThan(13 * 1024 * 1024)
  })
})

describe('what is known of statements', () => {
  it('counts one that takes the place of another of the same hash once', () => {
    const known = new KnownStatements<string>()
    const { source, start, end, text } = textOf('SELECT name FROM buyer')
    const remember = (system: string) => {
      expect(known.find(source, start, end, system)).toBeUndefined()
      known.add(system, text.length, new Int32Array(0), system)
      return known.bytes
    }
    // Names of one length give the same text the same hash.
    const bytes = remember('mysql')
    for (let n = 0; n < 10; n++) {
      expect(remember('mssql')).toBe(bytes)
      expect(remember('mysql')).toBe(bytes)
    }
  })
})
