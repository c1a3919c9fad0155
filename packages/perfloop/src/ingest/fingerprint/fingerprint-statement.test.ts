import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fingerprintStatement } from './fingerprint-statement.ts'
import { DIALECTS, type Dialect } from './statement-pattern.ts'

const read = (text: string, dialect: Dialect | string = 'postgresql') =>
  fingerprintStatement(text, dialect)
const print = (text: string, dialect: Dialect | string = 'postgresql') =>
  read(text, dialect).fingerprint

describe('literals', () => {
  it('take the place of one question mark each', () => {
    const pattern = read("SELECT * FROM parcels WHERE weight > 2.5e3 AND owner = 'Ann ''O'' Hara'")
    expect(pattern.normalized).toBe('SELECT * FROM parcels WHERE weight > ? AND owner = ?')
    expect(pattern.literals).toEqual(['2.5e3', "'Ann ''O'' Hara'"])
  })

  it.each<[Dialect, string]>([
    ['postgresql', "E'it\\'s'"],
    ['postgresql', "$body$ it's $$ here $body$"],
    ['postgresql', '$$$$'],
    ['postgresql', "U&'d\\0061t'"],
    ['postgresql', "B'1010'"],
    ['postgresql', "X'1FF'"],
    ['postgresql', '0x1F'],
    ['postgresql', '1_000_000'],
    ['postgresql', '-12.5E-7'],
    ['mysql', "'it\\'s'"],
    ['mysql', '"in double quotes"'],
    ['mysql', "_utf8mb4'naïve'"],
    ['mssql', "N'naïve'"],
    ['oracle', "q'[it's]'"],
    ['oracle', "nq'{it's}'"],
    ['oracle', "q'!it's!'"],
    ['sqlite', "x'00ff'"],
    ['sqlite', '.5'],
  ])('%s: %s is one', (dialect, literal) => {
    const pattern = read(`SELECT a FROM t WHERE b = ${literal} AND c = 1`, dialect)
    expect(pattern.normalized).toBe('SELECT a FROM t WHERE b = ? AND c = ?')
    expect(pattern.literals).toEqual([literal, '1'])
  })

  it.each(['$1', '?', ':name', ':1', '@p1', '%s', '%(name)s', '?3'])(
    'are equal to the placeholder %s, which is no literal',
    placeholder => {
      const dialect = placeholder === '@p1' ? 'mssql' : 'postgresql'
      const pattern = read(`SELECT a FROM t WHERE b = ${placeholder}`, dialect)
      expect(pattern.normalized).toBe('SELECT a FROM t WHERE b = ?')
      expect(pattern.literals).toEqual([])
      expect(pattern.fingerprint).toBe(print('SELECT a FROM t WHERE b = 77', dialect))
    },
  )

  it('keep an operator apart from a sign', () => {
    expect(read('SELECT a - 5, -5, b - -5, now() - 5 FROM t').normalized).toBe(
      'SELECT a - ?, ?, b - ?, now() - ? FROM t',
    )
  })

  it('are not the columns of the result that it is ordered or grouped by', () => {
    expect(read('SELECT id, at FROM t WHERE a = 2 ORDER BY 2 DESC, 1 LIMIT 2').normalized).toBe(
      'SELECT id, at FROM t WHERE a = ? ORDER BY 2 DESC, 1 LIMIT ?',
    )
    expect(read('SELECT a, max(b) FROM t GROUP BY 1 ORDER BY t.a, 2 -- x').normalized).toBe(
      'SELECT a, max(b) FROM t GROUP BY 1 ORDER BY t.a, 2',
    )
    expect(print('SELECT a, b FROM t ORDER BY 1')).not.toBe(print('SELECT a, b FROM t ORDER BY 2'))
    expect(read('SELECT a FROM t ORDER BY 4111111111111111').normalized).toBe(
      'SELECT a FROM t ORDER BY ?',
    )
    expect(read('SELECT a FROM t ORDER BY 5 - b, a LIMIT 5, 5', 'mysql').normalized).toBe(
      'SELECT a FROM t ORDER BY ? - b, a LIMIT ?, ?',
    )
  })

  it('leave casts, slices, labels and modulo alone', () => {
    expect(read('SELECT a::int, b[lo:hi], c % s FROM t').normalized).toBe(
      'SELECT a::int, b[lo : hi], c % s FROM t',
    )
  })

  it('keep NULL and booleans readable, but group them with other values', () => {
    expect(read('UPDATE t SET a = NULL, b = TRUE').normalized).toBe(
      'UPDATE t SET a = NULL, b = TRUE',
    )
    expect(print('UPDATE t SET a = NULL')).toBe(print('UPDATE t SET a = 4'))
    expect(print('SELECT 1 FROM t WHERE a IS NULL')).not.toBe(
      print('SELECT 1 FROM t WHERE a IS NOT NULL'),
    )
  })

  it('take a password without quotes for what it is', () => {
    expect(read('ALTER USER clerk PASSWORD hunter2').normalized).toBe('ALTER USER clerk PASSWORD ?')
    expect(
      read('GRANT ALL ON shop.* TO clerk IDENTIFIED BY hunter2', 'mysql').normalized,
    ).toContain('IDENTIFIED BY ?')
    expect(read('ALTER TABLE users ADD COLUMN password text').normalized).toContain('password text')
  })
})

describe('lists', () => {
  it('have one fingerprint whatever their length', () => {
    const one = print('SELECT a FROM t WHERE b IN (1)')
    expect(print('SELECT a FROM t WHERE b IN (1, 2, 3)')).toBe(one)
    expect(print('SELECT a FROM t WHERE b IN ($1::uuid, $2::uuid)')).toBe(one)
    expect(print('SELECT a FROM t WHERE b = ANY (ARRAY[1, 2])')).toBe(one)
    expect(print('SELECT a FROM t WHERE b = ANY ($1)')).toBe(one)
    expect(read('SELECT a FROM t WHERE b IN (1, 2, 3)').normalized).toBe(
      'SELECT a FROM t WHERE b IN (?)',
    )
  })

  it('keep the first row of VALUES, so that the text stays a statement', () => {
    const bulk = read("INSERT INTO t (a, b) VALUES (1, 'x'), (2, NULL), (3, DEFAULT)")
    expect(bulk.normalized).toBe('INSERT INTO t (a, b) VALUES (?, ?)')
    expect(bulk.valueRows).toBe(3)
    expect(bulk.fingerprint).toBe(print('INSERT INTO t (a, b) VALUES ($1, $2)'))
    expect(bulk.literals).toEqual(['1', "'x'", '2', '3'])
  })

  it('of tuples and arrays shrink too', () => {
    expect(read('SELECT 1 FROM t WHERE (a, b) IN ((1, 2), (3, 4))').normalized).toBe(
      'SELECT ? FROM t WHERE (a, b) IN ((?, ?))',
    )
    expect(read("SELECT ARRAY['a', 'b', 'c'] && tags FROM t").normalized).toBe(
      'SELECT ARRAY[?] && tags FROM t',
    )
  })

  it('with anything but values in them stay as they are', () => {
    expect(read('SELECT 1 FROM t WHERE a IN (b, 2)').normalized).toContain('IN (b, ?)')
    expect(print('SELECT f(1, 2)')).not.toBe(print('SELECT f(1)'))
  })

  it('do not care for order where the work does not', () => {
    expect(print('SELECT a, b FROM t')).toBe(print('SELECT b, a FROM t'))
    expect(print('UPDATE t SET a = 1, b = now()')).toBe(print('UPDATE t SET b = now(), a = 1'))
    expect(print('INSERT INTO t (a, b) VALUES (1, 2)')).toBe(
      print('INSERT INTO t (b, a) VALUES (1, 2)'),
    )
    expect(print('SELECT a FROM t ORDER BY a, b')).not.toBe(print('SELECT a FROM t ORDER BY b, a'))
  })
})

describe('spelling', () => {
  it('of comments, white space, case and semicolons makes no difference', () => {
    const plain = read('SELECT a FROM t WHERE b = 1')
    const dressed = read(
      "/* traceparent='00-ab-cd-01' */ ;select\n\ta -- the name\r\nfrom /* outer /* inner */ */ t where\u00a0b=2 ; ;",
    )
    expect(dressed.fingerprint).toBe(plain.fingerprint)
    expect(dressed.normalized).toBe(plain.normalized)
  })

  it('of comments follows the dialect', () => {
    expect(read('SELECT a # rest\nFROM t', 'mysql').normalized).toBe('SELECT a FROM t')
    expect(read('SELECT a #> b FROM t').normalized).toBe('SELECT a #> b FROM t')
    expect(read('SELECT 5--1', 'mysql').literals).toEqual(['5', '-1'])
    expect(read('SELECT a /*!40001 SQL_NO_CACHE */ FROM t', 'mysql').normalized).toBe(
      'SELECT a FROM t',
    )
    expect(read('SELECT id FROM #carts', 'mssql').tables).toEqual(['#carts'])
  })

  it('of quoted names matters only where the database says so', () => {
    expect(print('SELECT "a" FROM "t"')).toBe(print('SELECT a FROM t'))
    expect(print('SELECT [A] FROM [T]', 'mssql')).toBe(print('select a from t', 'mssql'))
    expect(print('SELECT `a` FROM `t`', 'mysql')).toBe(print('SELECT a FROM t', 'mysql'))
    expect(print('SELECT "A" FROM t', 'oracle')).toBe(print('SELECT a FROM t', 'oracle'))
    expect(print('SELECT "A" FROM t')).not.toBe(print('SELECT a FROM t'))
    expect(read('SELECT "order", "Total" FROM "my table"').normalized).toBe(
      'SELECT "order", "Total" FROM "my table"',
    )
  })

  it('of aliases given with AS makes no difference, of types in CAST it does', () => {
    expect(print('SELECT a AS x FROM t AS u')).toBe(print('SELECT a AS y FROM t AS v'))
    expect(print('SELECT CAST(a AS int) FROM t')).not.toBe(print('SELECT CAST(a AS text) FROM t'))
  })

  it('of numbered partitions, savepoints and cursors makes no difference', () => {
    expect(print('SELECT a FROM log_202611')).toBe(print('SELECT a FROM log_202612'))
    expect(print('SELECT a FROM log_1')).not.toBe(print('SELECT a FROM log_2'))
    expect(print('SAVEPOINT sp_1')).toBe(print('SAVEPOINT sp_2'))
    expect(print('RELEASE SAVEPOINT sp_1')).toBe(print('RELEASE SAVEPOINT sp_2'))
    expect(print('ROLLBACK TO sp_1')).toBe(print('ROLLBACK TO sp_2'))
    expect(print('DECLARE c_1 CURSOR FOR SELECT 1')).toBe(print('DECLARE c_2 CURSOR FOR SELECT 1'))
  })

  it('of typed literals makes no difference', () => {
    expect(print("SELECT a FROM t WHERE b > DATE '2026-01-01'")).toBe(
      print("SELECT a FROM t WHERE b > '2026-01-01'::date"),
    )
    expect(print('SELECT a FROM t WHERE b > $1::numeric(10, 2)')).toBe(
      print('SELECT a FROM t WHERE b > 3'),
    )
  })
})

describe('tables and summary', () => {
  it.each<[string, readonly string[], string]>([
    [
      'select * from orders o, customers c where o.c = c.id',
      ['orders', 'customers'],
      'SELECT orders customers',
    ],
    [
      'SELECT * FROM a JOIN shop.b USING (id) LEFT JOIN ONLY c ON true',
      ['a', 'shop.b', 'c'],
      'SELECT a shop.b c',
    ],
    [
      'SELECT (SELECT max(x) FROM b), y FROM (a JOIN c ON true)',
      ['b', 'a', 'c'],
      'SELECT SELECT b a c',
    ],
    ['SELECT * FROM generate_series(1, 9) g, t', ['t'], 'SELECT generate_series t'],
    [
      'WITH w (n) AS (SELECT 1 FROM a), v AS (DELETE FROM b RETURNING *) SELECT * FROM w, v, c',
      ['a', 'b', 'c'],
      'SELECT a DELETE b SELECT c',
    ],
    [
      'INSERT INTO archive SELECT * FROM orders',
      ['archive', 'orders'],
      'INSERT archive SELECT orders',
    ],
    ['INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2', ['t'], 'INSERT t'],
    ['UPDATE p SET a = (SELECT max(b) FROM p)', ['p'], 'UPDATE p SELECT p'],
    ['UPDATE o SET x = 1 FROM orders o JOIN lines l ON true', ['orders', 'lines'], 'UPDATE orders'],
    ['DELETE FROM a USING b WHERE a.id = b.id', ['a', 'b'], 'DELETE a'],
    ['DELETE x FROM parcels x JOIN owners y ON true', ['parcels', 'owners'], 'DELETE parcels'],
    [
      'MERGE INTO stock s USING (SELECT * FROM moves) m ON true WHEN MATCHED THEN UPDATE SET a = 1',
      ['stock', 'moves'],
      'MERGE stock SELECT moves',
    ],
    ['SELECT a INTO copy_of FROM t', ['copy_of', 't'], 'SELECT t'],
    ['SELECT * FROM t FOR UPDATE OF t', ['t'], 'SELECT t'],
    [
      'SELECT extract(year FROM born) FROM people WHERE a IS DISTINCT FROM b',
      ['people'],
      'SELECT people',
    ],
    ['TRUNCATE TABLE a, b', ['a', 'b'], 'TRUNCATE TABLE a b'],
    ['CREATE UNIQUE INDEX CONCURRENTLY i ON shop.t (a)', ['shop.t'], 'CREATE INDEX CONCURRENTLY'],
    ['DROP TABLE IF EXISTS a, b', ['a', 'b'], 'DROP TABLE a b'],
    ['CALL refresh(1)', [], 'CALL refresh'],
    ['VALUES (1), (2)', [], 'VALUES'],
    ['EXPLAIN ANALYZE SELECT * FROM t', ['t'], 'EXPLAIN SELECT t'],
    ['LOCK TABLE a IN SHARE MODE', ['a'], 'LOCK TABLE a'],
    ['BEGIN', [], 'BEGIN'],
    ['GRANT SELECT ON t TO clerk', [], 'GRANT'],
    ['SELECT * FROM a; UPDATE b SET c = 1', ['a', 'b'], 'SELECT a; UPDATE b'],
    ['SELECT from, select, where FROM keywords', ['keywords'], 'SELECT keywords'],
    ['not sql at all', [], ''],
    ['', [], ''],
  ])('%s', (text, tables, summary) => {
    const pattern = read(text)
    expect(pattern.tables).toEqual(tables)
    expect(pattern.summary).toBe(summary)
  })

  it('name the verb of the statement, not of its common tables', () => {
    expect(read('WITH a AS (SELECT 1) DELETE FROM t').verb).toBe('DELETE')
    expect(read('(SELECT 1) UNION (SELECT 2)').verb).toBe('SELECT')
    expect(read('-- nothing').verb).toBe('')
  })

  it('stay short for a statement with hundreds of tables', () => {
    const joins = Array.from({ length: 300 }, (_, n) => `JOIN table_number_x${n} ON true`).join(' ')
    const pattern = read(`SELECT * FROM a ${joins}`)
    expect(pattern.summary.length).toBeLessThanOrEqual(255)
    expect(pattern.tables.length).toBeLessThanOrEqual(64)
  })
})

describe('statements that are cut, huge or hostile', () => {
  it('cut inside a literal or list still group with their like', () => {
    const whole = print("INSERT INTO t (a, b) VALUES (1, 'long text'), (2, 'more')")
    expect(print("INSERT INTO t (a, b) VALUES (1, 'long text'), (2, 'mo")).toBe(whole)
    expect(print("INSERT INTO t (a, b) VALUES (1, 'long text'), ")).toBe(whole)
    expect(read("SELECT a FROM t WHERE b = 'cut he").literals).toEqual(["'cut he"])
    expect(read('SELECT a FROM t WHERE b IN (1, 2, 3').normalized).toBe(
      'SELECT a FROM t WHERE b IN (?',
    )
  })

  it('an end that is missing hides no literal', () => {
    expect(read('SELECT "secret of').normalized).toBe('SELECT ?')
    expect(read('SELECT $x$ secret').normalized).toBe('SELECT ?')
    expect(read('SELECT a /* secret').normalized).toBe('SELECT a')
  })

  it('a megabyte is read in a moment and leaves a short text', () => {
    const rows = Array.from({ length: 40_000 }, (_, n) => `(${n}, 'name ${n}')`).join(', ')
    const started = process.cpuUsage()
    const pattern = read(`INSERT INTO t (a, b) VALUES ${rows}`)
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(500)
    expect(pattern.normalized).toBe('INSERT INTO t (a, b) VALUES (?, ?)')
  })

  it('ten thousand parentheses or comments are read in linear time', () => {
    // A square of 30,000 would take minutes; this much CPU allows for a busy machine and for coverage.
    const before = process.cpuUsage()
    for (const part of ['(', 'IN (', '/*', '[', 'SELECT (', "'", '$a$', 'VALUES (', ', (']) {
      read(part.repeat(30_000))
    }
    expect(process.cpuUsage(before).user).toBeLessThan(10_000_000)
  })

  it('texts wider than Latin 1 keep their names', () => {
    expect(read("SELECT имя FROM клиенты WHERE имя = 'Анна'").normalized).toBe(
      'SELECT имя FROM клиенты WHERE имя = ?',
    )
  })

  it('the fingerprint is the same on every machine', () => {
    expect(print('SELECT 1')).toBe(print('SELECT 1', 'mysql'))
    expect(print('SELECT * FROM orders WHERE id = 42')).toMatchInlineSnapshot(`"054e95540ba0ae38"`)
  })
})

// ── Properties ─────────────────────────────────────────────────────────────

const dialects = fc.constantFrom(...DIALECTS)
/** Text with more of what means something to a lexer than chance would give. */
const fragments = fc.array(
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom(
      ..."( ) [ ] , ; . :: := : ? $1 $$ $a$ @x @@v # -- /* */ - + * / = <> ' \" ` \\ E' N' q'[ ]' % %s 0x1f 1e5 .5 12".split(
        ' ',
      ),
      ...'SELECT FROM IN VALUES AS CAST WITH UPDATE SET DELETE INSERT INTO JOIN NULL IS NOT ARRAY ANY INTERVAL DATE DISTINCT EXTRACT WHERE BY PASSWORD IDENTIFIED x t1 log_2024'.split(
        ' ',
      ),
      ' ',
      '\n',
    ),
  ),
  { maxLength: 40 },
)
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fragments.map(parts => parts.join('')),
  fragments.map(parts => parts.join(' ')),
)

/** Parts of a sound statement; `null` is where a literal stands. */
const statements: readonly (readonly (string | null)[])[] = [
  [
    'SELECT',
    'a',
    ',',
    'b',
    'FROM',
    't',
    'WHERE',
    'c',
    '=',
    null,
    'AND',
    'd',
    '>',
    null,
    'LIMIT',
    null,
  ],
  [
    'INSERT',
    'INTO',
    't',
    '(',
    'a',
    ',',
    'b',
    ')',
    'VALUES',
    '(',
    null,
    ',',
    'f',
    '(',
    null,
    ')',
    ')',
  ],
  [
    'UPDATE',
    't',
    'SET',
    'a',
    '=',
    null,
    ',',
    'b',
    '=',
    'b',
    '*',
    null,
    'WHERE',
    'id',
    'IN',
    '(',
    null,
    ',',
    null,
    ')',
  ],
  ['DELETE', 'FROM', 's', '.', 't', 'WHERE', 'a', 'BETWEEN', null, 'AND', null],
  [
    'WITH',
    'w',
    'AS',
    '(',
    'SELECT',
    null,
    ')',
    'SELECT',
    '*',
    'FROM',
    'w',
    'JOIN',
    'u',
    'ON',
    'u',
    '.',
    'a',
    '=',
    null,
  ],
]
const literal = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.stringMatching(/^[a-z]{6,12}$/).map(text => `'secret${text}'`),
)
const gap = fc.constantFrom(' ', '\n', '\t ', ' /* note */ ', ' -- note\n', '  ')

function build(
  parts: readonly (string | null)[],
  literals: readonly string[],
  gaps: readonly string[],
) {
  let next = 0
  return parts
    .map((part, at) => `${part ?? literals[next++ % literals.length]}${gaps[at % gaps.length]}`)
    .join('')
}

describe('any text', () => {
  it('never throws, and is its own pattern', () => {
    fc.assert(
      fc.property(hostile, dialects, (text, dialect) => {
        const once = read(text, dialect)
        const twice = read(once.normalized, dialect)
        expect(once.fingerprint).toMatch(/^[0-9a-f]{16}$/)
        expect(twice.normalized).toBe(once.normalized)
        expect(twice.fingerprint).toBe(once.fingerprint)
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('the rows of VALUES', () => {
  it.each([
    ['INSERT INTO t (a, b) VALUES (?, ?)', 1],
    ['INSERT INTO t VALUES ($1, now()), ($2, f(g(1), 2)), ($3, (SELECT 1))', 3],
    ['INSERT INTO t VALUES (?, ?), (?, ?) ON DUPLICATE KEY UPDATE a = VALUES(a), b = VALUES(b)', 2],
    ['INSERT INTO t (a) SELECT a FROM u WHERE (a, b) IN ((1, 2), (3, 4))', 0],
    ['WITH u AS (VALUES (1), (2)) SELECT * FROM u', 0],
  ])('are counted: %s', (text, rows) => {
    expect(read(text, 'mysql').valueRows).toBe(rows)
  })
})

describe('double quotes where they may hold either', () => {
  const either = fc.constantFrom('sqlite', 'mssql', 'db2', '')
  const value = fc
    .tuple(fc.stringMatching(/^[a-z @.'-]{0,8}$/), fc.constantFrom('', '""'))
    .map(([text, quotes]) => `"secret${text}${quotes}"`)

  it.each([
    'SELECT * FROM t WHERE name = V',
    'SELECT * FROM t WHERE "t"."name" <> V AND age != V OR a >= V',
    'SELECT * FROM t WHERE name LIKE V AND a BETWEEN V AND V',
    'SELECT * FROM t WHERE "name" IN (V, V) AND a NOT IN (V)',
    'SELECT * FROM t WHERE (a, b) IN ((V, V), (V, V))',
    'INSERT INTO t ("name", "age") VALUES (V, V), (V, V)',
    'UPDATE "t" SET "name" = V, "age" = V WHERE "id" == V',
    'SELECT * FROM t LIMIT V OFFSET V',
    'SELECT * FROM t WHERE name = lower(V) AND a > coalesce(nullif(b, V), V)',
    'UPDATE t SET name = concat(V, V) WHERE a = left(V, 2)',
    'INSERT INTO t (name) VALUES (upper(V), replace(V, V, V))',
  ])('takes for a value what stands where one is expected: %s', statement => {
    fc.assert(
      fc.property(either, fc.array(value, { minLength: 6, maxLength: 6 }), (dialect, values) => {
        let next = 0
        const text = statement.replaceAll(/\bV\b/g, () => values[next++] ?? '')
        const pattern = read(text, dialect)
        expect(pattern.normalized).not.toContain('secret')
        expect(pattern.normalized).toBe(
          read(statement.replaceAll(/\bV\b/g, '1'), dialect).normalized,
        )
        expect(read(pattern.normalized, dialect).fingerprint).toBe(pattern.fingerprint)
      }),
    )
  })

  it.each([
    'SELECT "a", lower("b") AS "c d" FROM "t" JOIN "u" ON "t"."id" = "u"."t_id" ORDER BY "a"',
    'INSERT INTO "t" ("a", "b") SELECT "a", "b" FROM "u" WHERE "u"."a" = "t"."a"',
    'UPDATE "t" SET "stock" = "stock" - ?, "seen" = "t"."seen" + ? WHERE "id" = ?',
    'SELECT * FROM t WHERE a = "t"."b"',
  ])('leaves names: %s', statement => {
    fc.assert(
      fc.property(either, dialect => {
        expect(read(statement, dialect).normalized).not.toMatch(/= \?[^,]*"?u|FROM \?/)
        expect(read(statement, dialect).literals).toEqual([])
      }),
    )
  })

  it('takes for a value what no column is called, where a function is given it', () => {
    fc.assert(
      fc.property(either, fc.constantFrom('Ada L.', 'a@b', '12', 'x-y', ' '), (dialect, value) => {
        const text = `SELECT instr("note", "${value}"), lower("${value}") FROM "t" ORDER BY f("${value}")`
        const { normalized, literals } = read(text, dialect)
        expect(normalized).toBe('SELECT instr(note, ?), lower(?) FROM t ORDER BY f(?)')
        expect(literals).toHaveLength(3)
      }),
    )
  })

  it.each([
    'SELECT count("id"), max("created_at"), coalesce("a", "b") FROM "t"',
    'INSERT INTO t ("first name", "2nd") SELECT "a", "b" FROM "u"',
    'CREATE INDEX i ON t ("first name")',
    'CREATE TABLE t ("first name" TEXT, "e-mail" TEXT)',
    'WITH found ("first name") AS (SELECT "a" FROM "u") SELECT * FROM found',
    'SELECT * FROM "t" WHERE "email" = ? AND lower("email") = lower("email")',
  ])('leaves what is a name in every dialect: %s', statement => {
    fc.assert(
      fc.property(either, dialect => {
        expect(read(statement, dialect).literals).toEqual([])
      }),
    )
  })

  it('never takes a value for a name’s sake in PostgreSQL and Oracle', () => {
    for (const dialect of ['postgresql', 'oracle']) {
      expect(read('SELECT * FROM t WHERE "a" = "b"', dialect).literals).toEqual([])
    }
  })
})

describe('any sound statement', () => {
  const sound = fc.constantFrom(...statements)
  const literals = fc.array(literal, { minLength: 1, maxLength: 6 })
  const gaps = fc.array(gap, { minLength: 1, maxLength: 9 })

  it('keeps its fingerprint when literals, white space and comments change', () => {
    fc.assert(
      fc.property(
        sound,
        literals,
        literals,
        gaps,
        gaps,
        dialects,
        (parts, l1, l2, g1, g2, dialect) => {
          const one = read(build(parts, l1, g1), dialect)
          const other = read(build(parts, l2, g2), dialect)
          expect(other.fingerprint).toBe(one.fingerprint)
          expect(other.normalized).toBe(one.normalized)
          expect(other.tables).toEqual(one.tables)
        },
      ),
    )
  })

  it('lets no literal through', () => {
    fc.assert(
      fc.property(sound, literals, gaps, dialects, (parts, values, spaces, dialect) => {
        const pattern = read(build(parts, values, spaces), dialect)
        expect(pattern.normalized).not.toMatch(/secret|\d/)
        expect(pattern.literals.length).toBe(parts.filter(part => part === null).length)
      }),
    )
  })
})
