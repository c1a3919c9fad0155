import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fingerprintStatement } from 'perfloop/internal/ingest/fingerprint/fingerprint-statement'

/** One statement of a source and what the source makes of it. */
interface Vector {
  readonly statement: string
  readonly dialect: string
  /** Statements of one group have this in common, others have not. */
  readonly group: string
  readonly tables?: readonly string[]
  readonly summary?: string
}

interface Score {
  readonly source: string
  readonly total: number
  readonly passed: number
  readonly failed: readonly string[]
  readonly tablesTotal: number
  readonly tablesPassed: number
  readonly tablesFailed: readonly string[]
  readonly summaryTotal: number
  readonly summaryPassed: number
  readonly summaryFailed: readonly string[]
}

type Figures = {
  readonly microsecondsPerStatement: number
  readonly statementsTimed: number
  readonly passed: number
  readonly total: number
  readonly sources: readonly Score[]
}

interface Options {
  /** Folder of corpora; the vectors are in its folder `sql-vectors`. */
  readonly data: string | undefined
  readonly json: boolean
}

/** Statements timed, each of them new: no cache, no text seen twice. */
const TIMED_STATEMENTS = 100_000
const WARM_UP_STATEMENTS = 20_000
const ROUND_STATEMENTS = 5_000

/** µs a statement with a cold cache, and vectors on which our groups are those of the source. */
export async function run(options: Options): Promise<Readonly<Record<string, unknown>>> {
  const sources = options.data === undefined ? [] : readSources(join(options.data, 'sql-vectors'))
  const scores = sources.map(([source, vectors]) => score(source, vectors))
  const result: Figures = {
    microsecondsPerStatement: time(),
    statementsTimed: TIMED_STATEMENTS,
    passed: sum(scores, score => score.passed),
    total: sum(scores, score => score.total),
    sources: scores,
  }
  console.error(describe(result))
  return options.json ? result : forTable(result)
}

/** The table has room for figures only; what failed is in the text before it. */
function forTable(result: Figures): Readonly<Record<string, unknown>> {
  const { sources, ...figures } = result
  return { ...figures, failedOf: sources.map(source => source.failed.length).join(', ') }
}

function sum(scores: readonly Score[], of: (score: Score) => number): number {
  return scores.reduce((total, score) => total + of(score), 0)
}

// ── Vectors ────────────────────────────────────────────────────────────────

function readSources(folder: string): readonly (readonly [string, readonly Vector[]])[] {
  return [
    ['datadog-go-sqllexer', readSqllexer(join(folder, 'datadog-go-sqllexer.json'))],
    ['libpg_query', readPgQuery(join(folder, 'libpg_query-fingerprint.json'))],
    ['otel-java', readOtel(join(folder, 'otel-java-sanitizer.json'))],
  ]
}

interface SqllexerCase {
  readonly dbms: string
  readonly input: string
  readonly outputs: readonly {
    readonly expected: string
    readonly statement_metadata?: { readonly tables?: readonly string[] }
  }[]
}

function readSqllexer(path: string): readonly Vector[] {
  const cases: readonly SqllexerCase[] = JSON.parse(readFileSync(path, 'utf8'))
  return cases.map(({ dbms, input, outputs }) => {
    const [first] = outputs
    const tables = first?.statement_metadata?.tables
    return {
      statement: input,
      dialect: dbms,
      group: `${dbms} ${first?.expected ?? ''}`,
      ...(tables === undefined ? {} : { tables }),
    }
  })
}

function readPgQuery(path: string): readonly Vector[] {
  const cases: readonly { readonly input: string; readonly expectedHash: string }[] = JSON.parse(
    readFileSync(path, 'utf8'),
  )
  return cases.map(({ input, expectedHash }) => ({
    statement: input,
    dialect: 'postgresql',
    group: expectedHash,
  }))
}

interface OtelCase {
  readonly group: string
  readonly args: readonly (string | null)[]
}

function readOtel(path: string): readonly Vector[] {
  const cases: readonly OtelCase[] = JSON.parse(readFileSync(path, 'utf8'))
  return cases.map(({ group, args }) => {
    const hasText = group === 'sqlArgs' || group === 'sensitiveArgs'
    const statement = args[0] ?? ''
    // Where the source gives only a summary, each statement is a group of its own.
    const normalized = hasText ? (args[1] ?? '') : statement
    const summary = hasText ? args[2] : args[1]
    return {
      statement,
      dialect: 'other_sql',
      group: withoutComments(normalized),
      ...(typeof summary === 'string' ? { summary } : {}),
    }
  })
}

/** The source keeps comments in its text; ours are gone. */
function withoutComments(text: string): string {
  return text
    .replace(/\/\*.*?\*\//g, '')
    .replace(/--.*$/gm, '')
    .trim()
}

// ── Scoring ────────────────────────────────────────────────────────────────

/** A vector passes when it shares its fingerprint with all statements of its group and with no other. */
function score(source: string, vectors: readonly Vector[]): Score {
  const patterns = vectors.map(({ statement, dialect }) => fingerprintStatement(statement, dialect))
  const tablesFailed: string[] = []
  const summaryFailed: string[] = []
  const failed: string[] = []
  vectors.forEach((vector, index) => {
    const pattern = patterns[index]
    if (pattern === undefined) return
    const agrees = vectors.every(
      (other, at) =>
        other.dialect !== vector.dialect ||
        (other.group === vector.group) === (patterns[at]?.fingerprint === pattern.fingerprint),
    )
    const again = fingerprintStatement(pattern.normalized, vector.dialect)
    if (!agrees || again.fingerprint !== pattern.fingerprint) failed.push(vector.statement)
    if (vector.tables !== undefined && !sameNames(vector.tables, pattern.tables)) {
      tablesFailed.push(
        `${vector.statement}\n      theirs ${vector.tables.join(', ')}; ours ${pattern.tables.join(', ')}`,
      )
    }
    if (vector.summary !== undefined && plain(vector.summary) !== plain(pattern.summary)) {
      summaryFailed.push(
        `${vector.statement}\n      theirs ${vector.summary}; ours ${pattern.summary}`,
      )
    }
  })
  const tablesTotal = vectors.filter(vector => vector.tables !== undefined).length
  const summaryTotal = vectors.filter(vector => vector.summary !== undefined).length
  return {
    source,
    total: vectors.length,
    passed: vectors.length - failed.length,
    failed,
    tablesTotal,
    tablesPassed: tablesTotal - tablesFailed.length,
    tablesFailed,
    summaryTotal,
    summaryPassed: summaryTotal - summaryFailed.length,
    summaryFailed,
  }
}

function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every(name => right.includes(name))
}

/** Summaries are compared without quotes and case: we spell verbs one way and leave quotes out. */
function plain(summary: string): string {
  return summary.replace(/["`[\]]/g, '').toLowerCase()
}

// ── Speed ──────────────────────────────────────────────────────────────────

/** Shapes of about 150 characters, as an ORM writes them; every statement gets literals of its own. */
const SHAPES: readonly ((n: number) => string)[] = [
  n =>
    `SELECT o.id, o.status, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.customer_id = ${n} AND o.status IN ('open', 'paid') LIMIT 20`,
  n =>
    `INSERT INTO order_items (order_id, product_id, quantity, unit_price, note) VALUES (${n}, ${n + 7}, 3, 19.95, 'gift wrap, number ${n}') RETURNING id, created_at`,
  n =>
    `UPDATE "products" SET "stock" = "stock" - 1, "updated_at" = '2026-11-21 10:00:00.${n}' WHERE "products"."id" = ${n} AND "products"."deleted_at" IS NULL`,
  n =>
    `select p.id, p.title, avg(r.stars) from products p left join reviews r on r.product_id = p.id where p.category_id in (${n}, 2, 3) group by p.id, p.title`,
]

function time(): number {
  const statements: string[] = []
  for (let n = 0; n < TIMED_STATEMENTS; n++) {
    // Through bytes, as a decoder makes them: a concatenation would be joined only when it is first read.
    const text = SHAPES[n % SHAPES.length]?.(n) ?? ''
    statements.push(Buffer.from(text).toString('utf8'))
  }
  for (const statement of statements.slice(0, WARM_UP_STATEMENTS)) {
    fingerprintStatement(statement, 'postgresql')
  }
  // Noise of the machine only adds: the fastest round is the nearest to what the code takes.
  let fastestMs = Number.POSITIVE_INFINITY
  for (let from = 0; from < statements.length; from += ROUND_STATEMENTS) {
    const round = statements.slice(from, from + ROUND_STATEMENTS)
    const startedMs = performance.now()
    for (const statement of round) fingerprintStatement(statement, 'postgresql')
    fastestMs = Math.min(fastestMs, (performance.now() - startedMs) / round.length)
  }
  return fastestMs * 1_000
}

function describe(result: Figures): string {
  const lines = [
    `fingerprint: ${result.microsecondsPerStatement.toFixed(2)} µs a statement (${result.statementsTimed} new ones, no cache, fastest round)`,
  ]
  if (result.sources.length === 0) lines.push('no vectors: name the corpora with --data DIR')
  else
    lines.push(
      `vectors: ${result.passed} of ${result.total} in the same and different groups as their source`,
    )
  for (const score of result.sources) {
    lines.push(
      `  ${score.source}: groups ${score.passed}/${score.total}, tables ${score.tablesPassed}/${score.tablesTotal}, summaries ${score.summaryPassed}/${score.summaryTotal}`,
    )
    for (const statement of score.failed) lines.push(`    group   ${statement.slice(0, 200)}`)
    for (const difference of score.tablesFailed) lines.push(`    tables  ${difference}`)
    for (const difference of score.summaryFailed) lines.push(`    summary ${difference}`)
  }
  return lines.join('\n')
}
