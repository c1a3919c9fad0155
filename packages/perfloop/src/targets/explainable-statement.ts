import type { Node, RawStmt } from 'libpg-query'

/**
 * From a statement as telemetry knows it (no literals: `?`, `$1`, `%s` or `:name` in their place, lists
 * collapsed to one) to one that a database takes and a parser understands. Only statements that read, or an
 * UPDATE or DELETE (which EXPLAIN does not execute), come out; the text came from the network and one
 * statement of these kinds is all that may ever reach a target.
 *
 * The parser is PostgreSQL's own. SQLite's dialect is near enough that its SELECT, UPDATE and DELETE parse
 * once its quoting and the few words of its own are written in PostgreSQL's way.
 */
export interface ExplainableStatement {
  readonly verb: 'SELECT' | 'UPDATE' | 'DELETE'
  /** Placeholders numbered `$1`, `$2`, … in PostgreSQL; `?` in SQLite. */
  readonly text: string
  readonly placeholders: number
  readonly tree: Node
  /** What had to be supposed, in words: a LIMIT whose number is unknown. */
  readonly assumptions: readonly string[]
}

export interface Unexplainable {
  readonly verb: 'none'
  readonly reason: string
}

export type TargetDialect = 'postgresql' | 'sqlite'

export interface StatementAssumptions {
  /** LIMIT without its number: a page of so many rows. The planner would suppose a tenth of the table. */
  readonly limitRows: number
}

export async function toExplainable(
  text: string,
  dialect: TargetDialect,
  assume: StatementAssumptions,
): Promise<ExplainableStatement | Unexplainable> {
  if (AMBIGUOUS.test(text)) {
    return { verb: 'none', reason: 'it holds a comment, or a character no statement has' }
  }
  // A WebAssembly module of several megabytes, loaded where there is a statement to explain.
  const { loadModule, parseSync } = await import('libpg-query')
  await loadModule()
  const pages = assumePage(text.trim().replace(/;\s*$/, ''), assume)
  const numbered = numberPlaceholders(pages.text, dialect)

  let failure = ''
  for (const rewrite of [spellOut, asIs]) {
    const candidate = rewrite(numbered.text)
    try {
      const words = dialect === 'sqlite' ? inPostgresWords(candidate) : candidate
      const tree = readTree(parseSync(words).stmts ?? [])
      if (tree.verb === 'none') return tree
      return {
        verb: tree.verb,
        tree: tree.node,
        text: dialect === 'sqlite' ? candidate.replaceAll(/\$\d+/g, '?') : candidate,
        placeholders: numbered.count,
        assumptions: pages.assumptions,
      }
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error)
    }
  }
  return { verb: 'none', reason: `it cannot be parsed without its literals: ${failure}` }
}

/**
 * The parser that judges a text and the database that gets it must see the same one: comments nest in one
 * dialect and not in another, and some end a text at NUL. Fingerprinting has left none of these in.
 */
const AMBIGUOUS = /\0|--|\/\*/

type Tree = { readonly verb: 'SELECT' | 'UPDATE' | 'DELETE'; readonly node: Node } | Unexplainable

function readTree(statements: readonly RawStmt[]): Tree {
  const node = statements[0]?.stmt
  if (statements.length !== 1 || node === undefined) {
    return { verb: 'none', reason: 'it is not one statement' }
  }
  if ('SelectStmt' in node) {
    return writes(node)
      ? { verb: 'none', reason: 'it is a SELECT that writes' }
      : { verb: 'SELECT', node }
  }
  if ('UpdateStmt' in node && !writes(node.UpdateStmt.withClause)) return { verb: 'UPDATE', node }
  if ('DeleteStmt' in node && !writes(node.DeleteStmt.withClause)) return { verb: 'DELETE', node }
  return { verb: 'none', reason: 'only SELECT, UPDATE and DELETE are explained' }
}

const WRITING = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'intoClause'])

/** Whether anything below a node changes data: a CTE with RETURNING, SELECT … INTO. */
function writes(node: unknown): boolean {
  if (Array.isArray(node)) return node.some(writes)
  if (typeof node !== 'object' || node === null) return false
  return Object.entries(node).some(([key, child]) => WRITING.has(key) || writes(child))
}

const asIs = (text: string): string => text

/** Keywords that want a literal after them, in the form that takes a placeholder. The parser lets some pass that no server does. */
function spellOut(text: string): string {
  return text
    .replace(/\b(INTERVAL|DATE|TIMESTAMPTZ|TIMESTAMP|TIME)\s+(\$\d+)/gi, '$2::$1')
    .replace(/\b(IN|ANY|ALL|VALUES)\s+(\$\d+)/gi, '$1 ($2)')
    .replace(/\bFETCH\s+(FIRST|NEXT)\s+(\$\d+)\s+ROW/gi, 'FETCH $1 ($2) ROW')
}

const PLACEHOLDER = String.raw`\?|\$\d+|%s|%\(\w+\)s|(?<![:\w\]]):[A-Za-z_]\w*`

/** A page: LIMIT n, and OFFSET 0 where an offset is given. */
function assumePage(
  text: string,
  assume: StatementAssumptions,
): { readonly text: string; readonly assumptions: readonly string[] } {
  const rows = String(assume.limitRows)
  const commaForm = new RegExp(
    String.raw`\bLIMIT\s+(?:${PLACEHOLDER})\s*,\s*(?:${PLACEHOLDER})`,
    'gi',
  )
  const limit = new RegExp(String.raw`\b(LIMIT|FETCH\s+(?:FIRST|NEXT))\s+(?:${PLACEHOLDER})`, 'gi')
  const offset = new RegExp(String.raw`\bOFFSET\s+(?:${PLACEHOLDER})`, 'gi')
  const assumed = text
    .replace(commaForm, `LIMIT ${rows} OFFSET 0`)
    .replace(limit, `$1 ${rows}`)
    .replace(offset, 'OFFSET 0')
  return {
    text: assumed,
    assumptions: assumed === text ? [] : [`supposes a first page of ${rows} rows`],
  }
}

const QUOTED = `'(?:[^']|'')*'|"(?:[^"]|"")*"|\`[^\`]*\``

function numberPlaceholders(
  text: string,
  dialect: TargetDialect,
): { readonly text: string; readonly count: number } {
  const named = dialect === 'sqlite' ? `${PLACEHOLDER}|@\\w+` : PLACEHOLDER
  let count = 0
  const numbered = text.replaceAll(new RegExp(`(${QUOTED})|${named}`, 'g'), (found, quoted) => {
    if (quoted !== undefined) return found
    count += 1
    return `$${count}`
  })
  return { text: numbered, count }
}

function inPostgresWords(text: string): string {
  return text
    .replaceAll(/`([^`]*)`|\[(\w[^\][]*)\]/g, (_, ticks, brackets) => `"${ticks ?? brackets}"`)
    .replaceAll(/\b(?:GLOB|REGEXP|MATCH)\b/gi, 'LIKE')
    .replaceAll('==', '=')
    .replaceAll(/\bINDEXED\s+BY\s+\w+|\bNOT\s+INDEXED\b/gi, '')
    .replaceAll(/\bIS\s+NOT\s+(?=\$)/gi, 'IS DISTINCT FROM ')
    .replaceAll(/\bIS\s+(?=\$)/gi, 'IS NOT DISTINCT FROM ')
}
