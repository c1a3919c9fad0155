import { CLAUSE, KEYWORD, KEYWORD_FLAGS, TYPE_PREFIX, VALUE } from './sql-keyword.ts'
import { QUOTED, type SqlTokens, SYMBOL, WORD } from './sql-tokens.ts'
import { LIST_START, TABLE_NAME, type TableFinder } from './statement-tables.ts'

const DEEPEST = 200
const SEED_1 = 0x2f0b4c47 | 0
const SEED_2 = 0x6c8e9cf5 | 0
/** What stands for any value. */
const VALUE_TOKEN = 63

/** What kind of parenthesis is open. */
const PLAIN = 0
/** Of CAST: the word after AS is a type, no alias. */
const CASTING = 1
/** A row of VALUES: how many values it has is no difference. */
const ROW = 2

/**
 * The fingerprint: a 64-bit hash, in two lanes of MurmurHash3's 32-bit mixing (Austin Appleby, public
 * domain, https://github.com/aappleby/smhasher/wiki/MurmurHash3), of what the statement asks for. That is
 * the normalized text less what changes from call to call, or from one release of an ORM to the next, without
 * changing the work: names given with AS, casts of values, NULL or TRUE where a value stands, one value
 * or a list (`= ?`, `IN (?)`, `= ANY (?)`), the width of a row of VALUES, the order of selected
 * columns, of tables in FROM, of columns in INSERT and of assignments in SET, digits in the names of
 * partitions and temporary tables, names of savepoints and cursors. The rules are those on which
 * pg_query's fingerprints and other tracers' normalizers agree in what they hold equal.
 */
export class StatementIdentity {
  #h1 = 0
  #h2 = 0
  #depth = 0
  // By depth: the kind of parenthesis, and the list being summed up in it.
  readonly #kind = new Uint8Array(DEEPEST + 1)
  readonly #listActive = new Uint8Array(DEEPEST + 1)
  readonly #outer1 = new Int32Array(DEEPEST + 1)
  readonly #outer2 = new Int32Array(DEEPEST + 1)
  readonly #sum1 = new Int32Array(DEEPEST + 1)
  readonly #sum2 = new Int32Array(DEEPEST + 1)

  /** Sixteen hexadecimal digits for the first `count` tokens. */
  of(tokens: SqlTokens, finder: TableFinder, count: number): string {
    this.#h1 = SEED_1
    this.#h2 = SEED_2
    this.#depth = 0
    this.#kind[0] = PLAIN
    this.#listActive[0] = 0
    const whole = tokens.count
    tokens.count = count
    let index = 0
    while (index < count) index = this.#step(tokens, finder, index)
    while (this.#depth > 0) this.#leave()
    this.#endList()
    tokens.count = whole
    return hexadecimal(finish(this.#h1), finish(this.#h2))
  }

  #step(tokens: SqlTokens, finder: TableFinder, index: number): number {
    const kind = tokens.kind[index] ?? 0
    if (kind === SYMBOL) return this.#symbol(tokens, finder, index)
    if (kind === WORD) {
      const keyword = tokens.code[index] ?? 0
      if (keyword !== 0) return this.#keyword(tokens, finder, index, keyword)
    } else if (kind !== QUOTED) return this.#value(tokens, index)
    this.#name(tokens, finder, index)
    return index + 1
  }

  #name(tokens: SqlTokens, finder: TableFinder, index: number): void {
    if (tokens.numbered[index] === 1) {
      if (finder.role[index] === TABLE_NAME || tokens.isSymbol(index + 1, 46)) {
        this.#mixWithoutDigits(tokens, index)
        return
      }
    }
    this.#mix(tokens.hash1[index] ?? 0, tokens.hash2[index] ?? 0)
  }

  /** `events_20260301` and `events_20260302` are one table to those who read reports. */
  #mixWithoutDigits(tokens: SqlTokens, index: number): void {
    const quote = tokens.kind[index] === QUOTED ? 1 : 0
    const end = (tokens.end[index] ?? 0) - quote
    let hash = 0
    for (let at = (tokens.start[index] ?? 0) + quote; at < end; at++) {
      let code = tokens.text.charCodeAt(at)
      if (isDigit(code) && isDigit(tokens.text.charCodeAt(at + 1))) {
        while (at + 1 < end && isDigit(tokens.text.charCodeAt(at + 1))) at++
        code = VALUE_TOKEN
      }
      if (code >= 65 && code <= 90) code |= 32
      hash = Math.imul(hash ^ code, 0x01000193)
    }
    this.#mix(hash, ~hash)
  }

  // ── Values ───────────────────────────────────────────────────────────────

  #value(tokens: SqlTokens, index: number): number {
    this.#mix(VALUE_TOKEN, VALUE_TOKEN)
    const next = afterCasts(tokens, index + 1)
    return this.#kind[Math.min(this.#depth, DEEPEST)] === ROW ? afterRun(tokens, next) : next
  }

  // ── Symbols ──────────────────────────────────────────────────────────────

  #symbol(tokens: SqlTokens, finder: TableFinder, index: number): number {
    const code = tokens.code[index] ?? 0
    if (code === 40) {
      this.#mix(code, code)
      this.#enter(this.#parenthesisKind(tokens, index))
      // EXTRACT(epoch FROM t): the field is a word to some drivers and a parameter to others.
      if (
        tokens.isKeyword(index - 1, KEYWORD.EXTRACT) &&
        tokens.isKeyword(index + 2, KEYWORD.FROM)
      ) {
        this.#mix(VALUE_TOKEN, VALUE_TOKEN)
        return index + 2
      }
      if (finder.role[index] === LIST_START) this.#beginList()
      return index + 1
    }
    if (code === 41) {
      if (this.#depth > 0) this.#leave()
      this.#mix(code, code)
      return index + 1
    }
    if (code === 44 && this.#listActive[Math.min(this.#depth, DEEPEST)] === 1) {
      this.#nextElement()
      return index + 1
    }
    if (code === 59) this.#endList()
    if (code === 0 || code === 61) {
      const after = this.#anyOfList(tokens, index)
      if (after > 0) return after
    }
    this.#mix(tokens.hash1[index] ?? 0, tokens.hash2[index] ?? 0)
    return index + 1
  }

  #parenthesisKind(tokens: SqlTokens, index: number): number {
    if (index === 0) return PLAIN
    if (tokens.isKeyword(index - 1, KEYWORD.VALUES)) return ROW
    return tokens.isKeyword(index - 1, KEYWORD.CAST) ? CASTING : PLAIN
  }

  /** `= ANY (?)`, `= ANY (ARRAY[?])`: the index after it, 0 when it is something else. */
  #anyOfList(tokens: SqlTokens, index: number): number {
    if (tokens.code[index] !== 61 || !tokens.isKeyword(index + 1, KEYWORD.ANY)) return 0
    const end = endOfValueList(tokens, index + 2)
    if (end === 0) return 0
    this.#mix(61, 61)
    this.#mix(VALUE_TOKEN, VALUE_TOKEN)
    return end
  }

  // ── Keywords ─────────────────────────────────────────────────────────────

  #keyword(tokens: SqlTokens, finder: TableFinder, index: number, keyword: number): number {
    const flags = KEYWORD_FLAGS[keyword] ?? 0
    if ((flags & VALUE) !== 0) return this.#valueKeyword(tokens, index)
    if ((flags & TYPE_PREFIX) !== 0) {
      const value = typedValue(tokens, index)
      if (value > 0) return this.#value(tokens, value)
    }
    const depth = Math.min(this.#depth, DEEPEST)
    const isDistinctFrom = keyword === KEYWORD.FROM && tokens.isKeyword(index - 1, KEYWORD.DISTINCT)
    if ((flags & CLAUSE) !== 0 && !isDistinctFrom) this.#endList()
    if (keyword === KEYWORD.AS) {
      const isAlias = this.#kind[depth] !== CASTING && tokens.isName(index + 1)
      if (isAlias && !opensAfter(tokens, index + 2)) return index + 2
    } else if (keyword === KEYWORD.IN) {
      const end = endOfValueList(tokens, index + 1)
      if (end > 0) {
        this.#mix(61, 61)
        this.#mix(VALUE_TOKEN, VALUE_TOKEN)
        return end
      }
    }
    this.#name(tokens, finder, index)
    if (finder.role[index] === LIST_START) return this.#startOfList(tokens, index)
    const named = nameToForget(tokens, index, keyword)
    if (named === 0) return index + 1
    this.#mix(VALUE_TOKEN, VALUE_TOKEN)
    return named + 1
  }

  /** DISTINCT belongs to the whole list, not to its first element. */
  #startOfList(tokens: SqlTokens, index: number): number {
    let next = index + 1
    while (tokens.isKeyword(next, KEYWORD.DISTINCT) || tokens.isKeyword(next, KEYWORD.ALL)) {
      this.#mix(tokens.hash1[next] ?? 0, tokens.hash2[next] ?? 0)
      next++
    }
    this.#beginList()
    return next
  }

  /** NULL after IS or NOT is an operator's part; elsewhere it is a value like any other. */
  #valueKeyword(tokens: SqlTokens, index: number): number {
    const depth = Math.min(this.#depth, DEEPEST)
    const keyword = tokens.code[index] ?? 0
    const isOperator =
      tokens.isKeyword(index - 1, KEYWORD.IS) || tokens.isKeyword(index - 1, KEYWORD.NOT)
    const isValue = keyword === KEYWORD.DEFAULT ? this.#kind[depth] === ROW : !isOperator
    if (isValue) return this.#value(tokens, index)
    this.#mix(tokens.hash1[index] ?? 0, tokens.hash2[index] ?? 0)
    return index + 1
  }

  // ── Lists and parentheses ────────────────────────────────────────────────

  #enter(kind: number): void {
    this.#depth++
    if (this.#depth > DEEPEST) return
    this.#kind[this.#depth] = kind
    this.#listActive[this.#depth] = 0
  }

  #leave(): void {
    this.#endList()
    this.#depth--
  }

  #beginList(): void {
    const depth = this.#depth
    if (depth > DEEPEST) return
    this.#endList()
    this.#listActive[depth] = 1
    this.#outer1[depth] = this.#h1
    this.#outer2[depth] = this.#h2
    this.#sum1[depth] = 0
    this.#sum2[depth] = 0
    this.#h1 = SEED_1
    this.#h2 = SEED_2
  }

  /** Elements are added up, so that their order does not matter. */
  #nextElement(): void {
    const depth = this.#depth
    this.#sum1[depth] = ((this.#sum1[depth] ?? 0) + finish(this.#h1)) | 0
    this.#sum2[depth] = ((this.#sum2[depth] ?? 0) + finish(this.#h2)) | 0
    this.#h1 = SEED_1
    this.#h2 = SEED_2
  }

  #endList(): void {
    const depth = this.#depth
    if (depth > DEEPEST || this.#listActive[depth] !== 1) return
    this.#nextElement()
    this.#listActive[depth] = 0
    this.#h1 = this.#outer1[depth] ?? 0
    this.#h2 = this.#outer2[depth] ?? 0
    this.#mix(this.#sum1[depth] ?? 0, this.#sum2[depth] ?? 0)
  }

  #mix(token1: number, token2: number): void {
    let key = Math.imul(token1, 0xcc9e2d51)
    key = Math.imul((key << 15) | (key >>> 17), 0x1b873593)
    const h1 = this.#h1 ^ key
    this.#h1 = (Math.imul((h1 << 13) | (h1 >>> 19), 5) + 0xe6546b64) | 0
    key = Math.imul(token2, 0x239b961b)
    key = Math.imul((key << 16) | (key >>> 16), 0xab0e9789)
    const h2 = this.#h2 ^ key
    this.#h2 = (Math.imul((h2 << 17) | (h2 >>> 15), 5) + 0x38b34ae5) | 0
  }
}

/** Skips `::type`, `::numeric(10, 2)`, `::schema.type[]` after a value. */
function afterCasts(tokens: SqlTokens, from: number): number {
  let at = from
  while (tokens.isDoubleColon(at) && at + 1 < tokens.count) {
    at += 2
    while (tokens.isSymbol(at, 46) && at + 1 < tokens.count) at += 2
    if (tokens.isSymbol(at, 40)) {
      let end = at + 1
      while (end < tokens.count && (tokens.isValue(end) || tokens.isSymbol(end, 44))) end++
      if (tokens.isSymbol(end, 41)) at = end + 1
    }
    while (tokens.isSymbol(at, 91) && tokens.isSymbol(at + 1, 93)) at += 2
  }
  return at
}

/** In a row of VALUES: skips further values after the first of a run. */
function afterRun(tokens: SqlTokens, from: number): number {
  let at = from
  while (tokens.isSymbol(at, 44)) {
    const value = valueAt(tokens, at + 1)
    if (value === 0) return at
    const end = afterCasts(tokens, value)
    if (!tokens.isSymbol(end, 44) && !tokens.isSymbol(end, 41) && end < tokens.count) return at
    at = end
  }
  return at
}

/** The index after the value (typed or not) at `index`; 0 when there is none. */
function valueAt(tokens: SqlTokens, index: number): number {
  if (index >= tokens.count) return 0
  if (tokens.isValue(index)) return index + 1
  if (tokens.kind[index] !== WORD) return 0
  const flags = KEYWORD_FLAGS[tokens.code[index] ?? 0] ?? 0
  if ((flags & VALUE) !== 0) return index + 1
  if ((flags & TYPE_PREFIX) === 0) return 0
  const typed = typedValue(tokens, index)
  return typed > 0 ? typed + 1 : 0
}

/** `DATE ?`, `INTERVAL (0) ?`: the index of the value, 0 when the word stands for itself. */
function typedValue(tokens: SqlTokens, index: number): number {
  let at = index + 1
  if (tokens.isSymbol(at, 40) && tokens.isValue(at + 1) && tokens.isSymbol(at + 2, 41)) at += 3
  return at < tokens.count && tokens.isValue(at) ? at : 0
}

/** `(?)`, `(?::uuid)`, `(ARRAY[?])`: the index after it, 0 when it is something else. */
function endOfValueList(tokens: SqlTokens, index: number): number {
  if (!tokens.isSymbol(index, 40)) return 0
  if (tokens.isKeyword(index + 1, KEYWORD.ARRAY) && tokens.isSymbol(index + 2, 91)) {
    const value = valueAt(tokens, index + 3)
    const end = value === 0 ? 0 : afterCasts(tokens, value)
    if (end === 0 || !tokens.isSymbol(end, 93)) return 0
    const close = afterCasts(tokens, end + 1)
    return tokens.isSymbol(close, 41) ? close + 1 : 0
  }
  const value = valueAt(tokens, index + 1)
  if (value === 0) return 0
  const end = afterCasts(tokens, value)
  if (end >= tokens.count) return end
  return tokens.isSymbol(end, 41) ? end + 1 : 0
}

/** `AS name (`: a common table or a table function's columns, no plain alias. */
function opensAfter(tokens: SqlTokens, index: number): boolean {
  return tokens.isSymbol(index, 40)
}

/**
 * Names that drivers and ORMs number: savepoints, cursors, prepared statements.
 * The index of the name, 0 when there is none.
 */
function nameToForget(tokens: SqlTokens, index: number, keyword: number): number {
  const next = index + 1
  const isFirst = index === 0 || tokens.isSymbol(index - 1, 59)
  if (!isFirst && keyword !== KEYWORD.SAVEPOINT) {
    return keyword === KEYWORD.TO &&
      tokens.isKeyword(0, KEYWORD.ROLLBACK) &&
      tokens.isName(next) &&
      !tokens.isKeyword(next, KEYWORD.SAVEPOINT)
      ? next
      : 0
  }
  if (!tokens.isName(next) || next >= tokens.count) return 0
  switch (keyword) {
    case KEYWORD.SAVEPOINT:
    case KEYWORD.CLOSE:
    case KEYWORD.DEALLOCATE:
      return next
    case KEYWORD.RELEASE:
      return tokens.isKeyword(next, KEYWORD.SAVEPOINT) ? 0 : next
    case KEYWORD.PREPARE:
      return tokens.isKeyword(next, KEYWORD.TRANSACTION) ? 0 : next
    case KEYWORD.DECLARE:
      return tokens.isKeyword(next + 1, KEYWORD.CURSOR) ? next : 0
    default:
      return 0
  }
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/** MurmurHash3's finalizer: every bit of the input reaches every bit of the output. */
function finish(hash: number): number {
  let h = hash ^ (hash >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return h ^ (h >>> 16)
}

const HEXADECIMAL = '0123456789abcdef'
const digits = Uint8Array.from(HEXADECIMAL, digit => digit.charCodeAt(0))
const digitsOut = Buffer.alloc(16)

function hexadecimal(high: number, low: number): string {
  for (let at = 0; at < 8; at++) {
    const shift = 28 - 4 * at
    digitsOut[at] = digits[(high >>> shift) & 15] ?? 0
    digitsOut[at + 8] = digits[(low >>> shift) & 15] ?? 0
  }
  return digitsOut.toString('latin1')
}
