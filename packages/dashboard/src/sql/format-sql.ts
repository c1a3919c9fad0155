export type SqlTokenKind =
  | 'keyword'
  | 'name'
  | 'literal'
  | 'placeholder'
  | 'comment'
  | 'mark'
  | 'space'

export interface SqlToken {
  readonly kind: SqlTokenKind
  readonly text: string
}

const TOKEN =
  /(?<comment>--[^\n]*|\/\*[\s\S]*?\*\/)|(?<literal>'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b)|(?<placeholder>\$\d+|\?|[:@][A-Za-z_]\w*|%s)|(?<quoted>"[^"]*"|`[^`]*`|\[[^\]]*\])|(?<word>[A-Za-z_][\w$]*)|(?<space>\s+)|(?<mark>::|<>|[<>!=]=|\|\||[\s\S])/gu

const KEYWORDS = new Set(
  `select from where and or not in is null like ilike between exists as on using join left right full inner outer
cross lateral group by having order limit offset fetch first next rows only union all intersect except with
recursive insert into values update set delete returning create index unique concurrently if drop table alter add
column primary key references foreign constraint case when then else end distinct asc desc nulls last over
partition window filter conflict do nothing for share true false cast explain analyze begin commit rollback
include desc vacuum pragma collate`.split(/\s+/),
)

/** Clauses that begin a line. Two-word ones are recognized by their first word. */
const BREAKS = new Set(
  `select from where group having order limit offset union intersect except values set returning join left right
full inner cross insert update delete with on window fetch include`.split(/\s+/),
)
/** Written one level in, below the clause they belong to. */
const INDENTED = new Set(['and', 'or', 'on'])

export function tokenizeSql(text: string): readonly SqlToken[] {
  const tokens: SqlToken[] = []
  for (const { 0: part, groups = {} } of text.matchAll(TOKEN)) {
    tokens.push({ kind: kindOf(part, groups), text: part })
  }
  return tokens
}

/**
 * Lays a statement out by its clauses. Only white space changes: what is shown is what ran, copied or not.
 * Subqueries are indented by their parentheses; short ones and lists stay on their line.
 */
export function formatSql(text: string): readonly SqlToken[] {
  const tokens = tokenizeSql(text.trim()).map(token =>
    token.kind === 'space' ? { kind: 'space' as const, text: ' ' } : token,
  )
  const out: SqlToken[] = []
  const parentheses: boolean[] = []
  let previousWord = ''
  const depth = (): number => parentheses.filter(breaks => breaks).length
  const breakLine = (indent: number): void => {
    while (out.at(-1)?.kind === 'space') out.pop()
    if (out.length > 0) out.push({ kind: 'space', text: `\n${'  '.repeat(indent)}` })
  }
  for (const [index, token] of tokens.entries()) {
    const word = token.kind === 'keyword' ? token.text.toLowerCase() : ''
    if (token.text === '(') parentheses.push(isSubquery(tokens, index))
    if (token.text === ')' && parentheses.pop() === true) breakLine(depth())
    if (isBreak(word, previousWord, parentheses)) {
      breakLine(depth() + (INDENTED.has(word) ? 1 : 0))
    }
    if (token.kind === 'space' && out.at(-1)?.kind === 'space') continue
    out.push(token)
    if (token.text.startsWith('--')) breakLine(depth())
    if (word !== '') previousWord = word
  }
  return out
}

function isBreak(word: string, previousWord: string, parentheses: readonly boolean[]): boolean {
  if (parentheses.at(-1) === false) return false
  if (word === 'and') return previousWord !== 'between'
  if (word === 'or') return true
  if (!BREAKS.has(word)) return false
  if (word === 'join')
    return !['left', 'right', 'full', 'inner', 'outer', 'cross'].includes(previousWord)
  if (word === 'set') return previousWord !== 'do'
  if (word === 'from') return previousWord !== 'delete' && previousWord !== 'distinct'
  if (word === 'update') return previousWord !== 'for' && previousWord !== 'do'
  if (word === 'select' || word === 'values') return previousWord !== 'explain'
  return true
}

function isSubquery(tokens: readonly SqlToken[], open: number): boolean {
  const next = tokens.slice(open + 1, open + 3).find(token => token.kind !== 'space')
  return /^(select|with)$/i.test(next?.text ?? '')
}

function kindOf(part: string, groups: Readonly<Record<string, string | undefined>>): SqlTokenKind {
  if (groups.comment !== undefined) return 'comment'
  if (groups.literal !== undefined) return 'literal'
  if (groups.placeholder !== undefined) return 'placeholder'
  if (groups.space !== undefined) return 'space'
  if (groups.word !== undefined) return KEYWORDS.has(part.toLowerCase()) ? 'keyword' : 'name'
  return groups.quoted === undefined ? 'mark' : 'name'
}
