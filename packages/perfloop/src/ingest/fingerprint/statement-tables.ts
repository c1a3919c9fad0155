import { internedText } from './interned-text.ts'
import {
  CALLABLE,
  CLAUSE,
  KEYWORD,
  KEYWORD_FLAGS,
  KEYWORD_TEXT,
  RESERVED,
  VERB,
} from './sql-keyword.ts'
import { LITERAL, PLACEHOLDER, QUOTED, type SqlTokens, SYMBOL, WORD } from './sql-tokens.ts'

/** OpenTelemetry's advice for db.query.summary: at most 255 characters, cut between words. */
const LONGEST_SUMMARY = 255
const MOST_TABLES = 64
const DEEPEST = 200

export interface StatementTables {
  readonly verb: string
  readonly tables: readonly string[]
  readonly summary: string
}

// What a token is to the fingerprint, found on the way.
export const TABLE_NAME = 1
/** SELECT, FROM, SET or `(` that begins a list whose order does not matter to the work done. */
export const LIST_START = 2

// What the next name is.
const NOTHING = 0
/** A table, or a function that returns one. */
const SOURCE = 1
/** A table that is written or defined: what stands in parentheses after it are columns. */
const TARGET = 2
/** The table of an UPDATE or DELETE, or the alias of one that its FROM names. */
const ALIAS_OR_TABLE = 3
/** A procedure, user, schema, …: for the summary only. */
const OBJECT = 4
/** A table for the list of tables, not for the summary. */
const ASIDE = 5
const COMMON_TABLE = 6

/** Kinds of objects that CREATE, ALTER and DROP are about, where they are not keywords anyway. */
const OBJECT_KINDS = new Set(
  (
    'TABLE VIEW INDEX PROCEDURE PROC FUNCTION TRIGGER USER ROLE LOGIN SEQUENCE SCHEMA DATABASE PACKAGE ' +
    'TYPE EXTENSION PUBLICATION SUBSCRIPTION SYSTEM STREAM TASK PARTITION TABLESPACE DOMAIN EVENT ' +
    'AGGREGATE OPERATOR POLICY RULE SERVER SYNONYM STATISTICS'
  ).split(' '),
)
/** `CREATE OR REPLACE GLOBAL TEMPORARY TABLE`: the kind is among the first words. */
const MOST_WORDS_BEFORE_KIND = 6

/**
 * Verb, tables and summary of a statement, by one walk over its tokens that knows where SQL puts names
 * of tables: no grammar of any dialect, so that what no parser of ours would accept still gets an answer.
 * The summary follows OpenTelemetry's `db.query.summary`: operations and their targets in order.
 */
export class TableFinder {
  /** Role of each token of the last statement. */
  role = new Uint8Array(512)

  readonly #tables: string[] = []
  readonly #lowerTables: string[] = []
  readonly #commonTables: string[] = []
  // By depth of parentheses.
  readonly #verbAt = new Uint8Array(DEEPEST + 1)
  readonly #inFrom = new Uint8Array(DEEPEST + 1)
  readonly #inWith = new Uint8Array(DEEPEST + 1)
  /** The summary of this UPDATE or DELETE has its target; further tables are for the list only. */
  readonly #hasTarget = new Uint8Array(DEEPEST + 1)
  #depth = 0
  #expect = NOTHING
  #summary = ''
  #verb = ''
  #firstVerb = ''
  #isNewStatement = false
  #objectKind = ''
  /** Lower-case name of an UPDATE's or DELETE's target that may turn out to be an alias. */
  #alias = ''
  #aliasDepth = 0
  #aliasTable = -1
  #aliasSummary = -1

  find(tokens: SqlTokens): StatementTables {
    if (this.role.length < tokens.count) this.role = new Uint8Array(tokens.kind.length)
    this.role.fill(0, 0, tokens.count)
    this.#tables.length = 0
    this.#lowerTables.length = 0
    this.#commonTables.length = 0
    this.#summary = ''
    this.#verb = ''
    this.#firstVerb = ''
    this.#beginStatement()
    let index = 0
    while (index < tokens.count) index = this.#step(tokens, index)
    const verb = this.#verb === '' ? this.#firstVerb : this.#verb
    return { verb, tables: this.#tables.slice(), summary: this.#summary }
  }

  #beginStatement(): void {
    this.#depth = 0
    this.#expect = NOTHING
    this.#isNewStatement = true
    this.#objectKind = ''
    this.#alias = ''
    this.#enter(0, 0)
  }

  #enter(depth: number, inFrom: number): void {
    this.#verbAt[depth] = 0
    this.#inFrom[depth] = inFrom
    this.#inWith[depth] = 0
    this.#hasTarget[depth] = 0
  }

  #step(tokens: SqlTokens, index: number): number {
    const kind = tokens.kind[index] ?? 0
    if (kind === SYMBOL) {
      this.#symbol(tokens.code[index] ?? 0)
      return index + 1
    }
    if (kind === LITERAL || kind === PLACEHOLDER) {
      this.#expect = NOTHING
      return index + 1
    }
    const keyword = kind === WORD ? (tokens.code[index] ?? 0) : 0
    if (keyword === 0 || this.#isNameHere(tokens, index, keyword)) return this.#name(tokens, index)
    return this.#keyword(tokens, index, keyword)
  }

  #symbol(code: number): void {
    const expect = this.#expect
    this.#expect = NOTHING
    if (code === 40) {
      // FROM (a JOIN b): the list of tables goes on inside; FROM (SELECT …) begins its own.
      this.#depth++
      if (this.#depth <= DEEPEST) this.#enter(this.#depth, expect === SOURCE ? 1 : 0)
      if (expect === SOURCE) this.#expect = SOURCE
    } else if (code === 41) {
      if (this.#depth > 0) this.#depth--
    } else if (code === 44 && this.#depth <= DEEPEST) {
      if (this.#inWith[this.#depth] === 1) this.#expect = COMMON_TABLE
      else if (this.#inFrom[this.#depth] === 1) this.#expect = SOURCE
    } else if (code === 59) this.#beginStatement()
  }

  // ── Names ────────────────────────────────────────────────────────────────

  /** `from` in `SELECT from, x`: a clause right before a comma or a closing bracket is a name. */
  #isNameHere(tokens: SqlTokens, index: number, keyword: number): boolean {
    const flags = KEYWORD_FLAGS[keyword] ?? 0
    if (keyword === KEYWORD.TABLE && this.#expect === SOURCE) return !tokens.isSymbol(index + 1, 40)
    if ((flags & (VERB | CLAUSE)) === 0) return false
    if (tokens.isSymbol(index + 1, 44) || tokens.isSymbol(index + 1, 41)) return true
    const isFunction = (flags & CALLABLE) !== 0 || (flags & RESERVED) === 0
    return isFunction && tokens.isSymbol(index + 1, 40)
  }

  #name(tokens: SqlTokens, index: number): number {
    const expect = this.#expect
    if (expect === NOTHING) return index + 1
    this.#expect = NOTHING
    let end = index + 1
    while (tokens.isSymbol(end, 46) && isPart(tokens, end + 1)) end += 2
    const name = nameOf(tokens, index, end)
    if (expect === COMMON_TABLE) {
      this.#commonTables.push(name.toLowerCase())
      return end
    }
    if (expect === OBJECT || (expect === SOURCE && tokens.isSymbol(end, 40))) {
      if (expect === OBJECT || !this.#isTargetKnown()) this.#append(name)
      return end
    }
    for (let at = index; at < end; at++) this.role[at] = TABLE_NAME
    this.#table(tokens, name, end, expect)
    return end
  }

  #table(tokens: SqlTokens, name: string, end: number, expect: number): void {
    const lower = name.toLowerCase()
    if (this.#commonTables.includes(lower)) return
    const depth = Math.min(this.#depth, DEEPEST)
    if (expect === SOURCE && this.#resolvesAlias(tokens, lower, end)) {
      this.#replaceAlias(name, lower)
      return
    }
    if (expect === ALIAS_OR_TABLE) {
      this.#alias = lower
      this.#aliasDepth = this.#depth
      this.#aliasSummary = this.#summary.length
      this.#aliasTable = this.#lowerTables.includes(lower) ? -1 : this.#tables.length
    }
    this.#add(name, lower)
    if (expect === ASIDE || this.#isTargetKnown()) return
    this.#append(name)
    const verb = this.#verbAt[depth]
    if (verb === KEYWORD.UPDATE || verb === KEYWORD.DELETE) this.#hasTarget[depth] = 1
    if (expect === TARGET && tokens.isSymbol(end, 40)) this.role[end] = LIST_START
  }

  #isTargetKnown(): boolean {
    return this.#hasTarget[Math.min(this.#depth, DEEPEST)] === 1
  }

  /** `UPDATE o SET … FROM orders o`: o is orders. */
  #resolvesAlias(tokens: SqlTokens, lower: string, end: number): boolean {
    if (this.#alias === '' || this.#depth !== this.#aliasDepth) return false
    if (lower === this.#alias) return true
    const at = tokens.isKeyword(end, KEYWORD.AS) ? end + 1 : end
    return tokens.isName(at) && nameOf(tokens, at, at + 1).toLowerCase() === this.#alias
  }

  #replaceAlias(name: string, lower: string): void {
    this.#dropAlias()
    this.#add(name, lower)
    if (this.#aliasSummary < 0) return
    this.#append(name)
    this.#hasTarget[Math.min(this.#depth, DEEPEST)] = 1
  }

  #dropAlias(): void {
    this.#alias = ''
    if (this.#aliasTable >= 0) {
      this.#tables.splice(this.#aliasTable, 1)
      this.#lowerTables.splice(this.#aliasTable, 1)
    }
    if (this.#aliasSummary >= 0) this.#summary = this.#summary.slice(0, this.#aliasSummary)
  }

  #add(name: string, lower: string): void {
    if (this.#tables.length >= MOST_TABLES || this.#lowerTables.includes(lower)) return
    this.#tables.push(name)
    this.#lowerTables.push(lower)
  }

  #append(word: string): void {
    if (this.#summary.length + word.length + 2 > LONGEST_SUMMARY) return
    if (this.#summary === '') this.#summary = word
    else this.#summary += this.#isNewStatement ? `; ${word}` : ` ${word}`
    this.#isNewStatement = false
  }

  // ── Keywords ─────────────────────────────────────────────────────────────

  #keyword(tokens: SqlTokens, index: number, keyword: number): number {
    const flags = KEYWORD_FLAGS[keyword] ?? 0
    const depth = Math.min(this.#depth, DEEPEST)
    const isDistinctFrom = keyword === KEYWORD.FROM && tokens.isKeyword(index - 1, KEYWORD.DISTINCT)
    if ((flags & CLAUSE) !== 0 && !isDistinctFrom) this.#inFrom[depth] = 0
    if ((flags & VERB) !== 0 && this.#beginsStatement(tokens, index, keyword)) {
      return this.#begin(tokens, index, keyword, depth)
    }
    switch (keyword) {
      case KEYWORD.FROM:
        if (!isDistinctFrom) this.#from(index, depth)
        return index + 1
      case KEYWORD.JOIN:
      case KEYWORD.STRAIGHT_JOIN:
        this.#expect = SOURCE
        return index + 1
      case KEYWORD.USING:
        this.#using(tokens, index, depth)
        return index + 1
      case KEYWORD.INTO:
        this.#into(tokens, index, depth)
        return index + 1
      case KEYWORD.TABLE:
      case KEYWORD.TABLES:
        this.#tableKeyword(tokens, index, keyword, depth)
        return index + 1
      case KEYWORD.ON:
        this.#expect = this.#objectKind === 'INDEX' && this.#depth === 0 ? ASIDE : NOTHING
        return index + 1
      case KEYWORD.WITH:
        this.#with(tokens, index, depth)
        return index + 1
      case KEYWORD.SET:
        if (this.#verbAt[depth] === KEYWORD.UPDATE) this.role[index] = LIST_START
        this.#expect = NOTHING
        return index + 1
      case KEYWORD.TOP:
        return tokens.isSymbol(index + 1, 40) ? index + 4 : index + 1
      case KEYWORD.ONLY:
      case KEYWORD.IGNORE:
      case KEYWORD.LOW_PRIORITY:
      case KEYWORD.LATERAL:
      case KEYWORD.ALL:
      case KEYWORD.NOT:
      case KEYWORD.EXISTS:
      case KEYWORD.FULL:
      case KEYWORD.RECURSIVE:
        return index + 1
      case KEYWORD.IF:
        return this.#expect === NOTHING ? this.#name(tokens, index) : index + 1
      default:
    }
    if ((flags & RESERVED) === 0) return this.#name(tokens, index)
    this.#expect = NOTHING
    return index + 1
  }

  #from(index: number, depth: number): void {
    this.#expect = NOTHING
    const verb = this.#verbAt[depth] ?? 0
    // EXTRACT(year FROM x), FETCH … FROM cursor, COPY … FROM file: no tables there.
    if (verb !== KEYWORD.SELECT && verb !== KEYWORD.DELETE && verb !== KEYWORD.UPDATE) return
    if (verb === KEYWORD.DELETE && this.#alias !== '') {
      this.#dropAlias()
      this.#hasTarget[depth] = 0
    }
    this.#inFrom[depth] = 1
    this.role[index] = LIST_START
    this.#expect = SOURCE
  }

  #using(tokens: SqlTokens, index: number, depth: number): void {
    const verb = this.#verbAt[depth] ?? 0
    this.#expect = NOTHING
    if (verb !== KEYWORD.MERGE && verb !== KEYWORD.DELETE) return
    if (verb === KEYWORD.DELETE && tokens.isSymbol(index + 1, 40)) return
    this.#inFrom[depth] = 1
    this.#expect = SOURCE
  }

  #into(tokens: SqlTokens, index: number, depth: number): void {
    const verb = this.#verbAt[depth] ?? 0
    this.#expect = NOTHING
    if (tokens.isValue(index + 1)) return
    if (verb === KEYWORD.SELECT) {
      // SELECT … INTO makes a table or sets a variable, by dialect; INSERT ALL INTO a … INTO b writes both.
      if (tokens.selectIntoMakesTable) this.#expect = ASIDE
    } else if (verb === KEYWORD.INSERT || verb === KEYWORD.REPLACE || verb === KEYWORD.MERGE) {
      this.#expect = TARGET
    }
  }

  #tableKeyword(tokens: SqlTokens, index: number, keyword: number, depth: number): void {
    if (this.#expect === TARGET) {
      this.#append('TABLE')
      return
    }
    const verb = this.#verbAt[depth] ?? 0
    const names = isDefinition(verb) || verb === KEYWORD.LOCK
    this.#expect = names && tokens.isName(index + 1) ? ASIDE : NOTHING
    if (verb !== KEYWORD.LOCK) return
    this.#append(KEYWORD_TEXT[keyword] ?? '')
    this.#inFrom[depth] = 1
    this.#expect = SOURCE
  }

  #with(tokens: SqlTokens, index: number, depth: number): void {
    this.#expect = NOTHING
    const at = tokens.isKeyword(index + 1, KEYWORD.RECURSIVE) ? index + 2 : index + 1
    const isCommonTable =
      tokens.isName(at) && (tokens.isKeyword(at + 1, KEYWORD.AS) || tokens.isSymbol(at + 1, 40))
    if (!isCommonTable) return
    this.#inWith[depth] = 1
    this.#expect = COMMON_TABLE
  }

  // ── Verbs ────────────────────────────────────────────────────────────────

  #beginsStatement(tokens: SqlTokens, index: number, keyword: number): boolean {
    if (keyword === KEYWORD.SELECT) return !this.#isPrivilege()
    const isFirst = this.#isFirst(tokens, index)
    const isWrite =
      keyword === KEYWORD.INSERT ||
      keyword === KEYWORD.UPDATE ||
      keyword === KEYWORD.DELETE ||
      keyword === KEYWORD.MERGE
    if (!isWrite || isFirst) return isFirst && !this.#isReplaceFunction(tokens, index, keyword)
    return this.#isWriteHere(tokens, index)
  }

  /** GRANT SELECT, REVOKE UPDATE: what may be done, not what is done. */
  #isPrivilege(): boolean {
    const verb = this.#verbAt[Math.min(this.#depth, DEEPEST)]
    return verb === KEYWORD.GRANT || verb === KEYWORD.REVOKE
  }

  /** At the start, after a semicolon, or where a procedure's branch or an EXPLAIN begins. */
  #isFirst(tokens: SqlTokens, index: number): boolean {
    const last = index - 1
    if (last < 0 || tokens.isSymbol(last, 59)) return true
    if (tokens.kind[last] !== WORD) return tokens.isSymbol(last, 40) && last === 0
    const before = tokens.code[last] ?? 0
    if (before === KEYWORD.THEN || before === KEYWORD.ELSE) {
      return this.#verbAt[Math.min(this.#depth, DEEPEST)] === 0
    }
    return (
      before === KEYWORD.BEGIN ||
      before === KEYWORD.LOOP ||
      (before === KEYWORD.EXPLAIN && tokens.code[index] !== KEYWORD.ANALYZE)
    )
  }

  #isReplaceFunction(tokens: SqlTokens, index: number, keyword: number): boolean {
    return keyword === KEYWORD.REPLACE && tokens.isSymbol(index + 1, 40)
  }

  /** INSERT, UPDATE, DELETE amid other words: not in FOR UPDATE, ON DELETE, DO UPDATE, WHEN … THEN of a MERGE. */
  #isWriteHere(tokens: SqlTokens, index: number): boolean {
    const depth = Math.min(this.#depth, DEEPEST)
    const verb = this.#verbAt[depth] ?? 0
    if (verb === KEYWORD.MERGE || this.#isPrivilege()) return false
    if (tokens.isKeyword(index + 1, KEYWORD.ON) || tokens.isKeyword(index + 1, KEYWORD.OR))
      return false
    if (tokens.isKeyword(index + 1, KEYWORD.OF)) return false
    const last = index - 1
    if (tokens.kind[last] === SYMBOL)
      return !tokens.isSymbol(last, 44) && !tokens.isSymbol(last, 46)
    const before = tokens.kind[last] === WORD ? (tokens.code[last] ?? 0) : 0
    return (
      before !== KEYWORD.FOR &&
      before !== KEYWORD.KEY &&
      before !== KEYWORD.ON &&
      before !== KEYWORD.OR &&
      before !== KEYWORD.DO
    )
  }

  #begin(tokens: SqlTokens, index: number, keyword: number, depth: number): number {
    const word = KEYWORD_TEXT[keyword] ?? ''
    if (this.#firstVerb === '') this.#firstVerb = word
    if (this.#verb === '' && this.#depth === 0) this.#verb = word
    this.#verbAt[depth] = keyword
    this.#inFrom[depth] = 0
    this.#inWith[depth] = 0
    this.#hasTarget[depth] = 0
    this.#append(word)
    this.#expect = NOTHING
    if (isDefinition(keyword)) return this.#definition(tokens, index)
    switch (keyword) {
      case KEYWORD.SELECT:
        this.role[index] = LIST_START
        return index + 1
      case KEYWORD.INSERT:
      case KEYWORD.REPLACE:
      case KEYWORD.MERGE:
      case KEYWORD.COPY:
        this.#expect = TARGET
        return index + 1
      case KEYWORD.TRUNCATE:
      case KEYWORD.OPTIMIZE:
      case KEYWORD.REINDEX:
      case KEYWORD.VACUUM:
      case KEYWORD.ANALYZE:
        this.#expect = TARGET
        this.#inFrom[depth] = 1
        return index + 1
      case KEYWORD.UPDATE:
      case KEYWORD.DELETE:
        this.#expect = ALIAS_OR_TABLE
        this.#inFrom[depth] = keyword === KEYWORD.UPDATE ? 1 : 0
        return index + 1
      case KEYWORD.CALL:
      case KEYWORD.EXEC:
      case KEYWORD.EXECUTE:
      case KEYWORD.USE:
        this.#expect = OBJECT
        return index + 1
      default:
    }
    if (tokens.isKeyword(index + 1, KEYWORD.TRANSACTION)) this.#append('TRANSACTION')
    return index + 1
  }

  /** CREATE OR REPLACE TEMPORARY TABLE IF NOT EXISTS name: the kind of object, then what names it. */
  #definition(tokens: SqlTokens, index: number): number {
    const last = Math.min(index + MOST_WORDS_BEFORE_KIND, tokens.count - 1)
    for (let at = index + 1; at <= last && tokens.kind[at] === WORD; at++) {
      const start = tokens.start[at] ?? 0
      const end = tokens.end[at] ?? 0
      if (end - start > 12) continue
      const word = tokens.text.slice(start, end).toUpperCase()
      if (!OBJECT_KINDS.has(word)) continue
      this.#objectKind = word
      this.#append(word)
      if (word === 'TABLE') {
        this.#expect = TARGET
        this.#inFrom[Math.min(this.#depth, DEEPEST)] = this.#verb === 'DROP' ? 1 : 0
      } else if (word !== 'SYSTEM') this.#expect = OBJECT
      return at + 1
    }
    return index + 1
  }
}

function isDefinition(verb: number): boolean {
  return verb === KEYWORD.CREATE || verb === KEYWORD.ALTER || verb === KEYWORD.DROP
}

function isPart(tokens: SqlTokens, index: number): boolean {
  const kind = tokens.kind[index]
  return index < tokens.count && (kind === WORD || kind === QUOTED)
}

/** The name in `[from, to)` without quotes. */
function nameOf(tokens: SqlTokens, from: number, to: number): string {
  let name = ''
  for (let at = from; at < to; at += 2) {
    const quote = tokens.kind[at] === QUOTED ? 1 : 0
    const start = (tokens.start[at] ?? 0) + quote
    const part = internedText(
      tokens.text,
      start,
      (tokens.end[at] ?? 0) - quote,
      tokens.hash1[at] ?? 0,
    )
    name = name === '' ? part : `${name}.${part}`
  }
  return name
}
