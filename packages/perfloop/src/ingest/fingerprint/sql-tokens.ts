import {
  CALLABLE,
  findKeyword,
  KEYWORD,
  KEYWORD_FLAGS,
  OPERAND,
  RESERVED,
  TYPE_PREFIX,
  VALUE,
  WORD_SEED,
  wordStep,
} from './sql-keyword.ts'
import type { Dialect } from './statement-pattern.ts'

/**
 * Statement text to tokens in one pass over the characters, without a regular expression and without an
 * object per token. Comments and white space never become tokens; signs join their numbers; long lists of
 * values (`IN (…)`, `ARRAY[…]`) and repeated rows shrink while they are read, so that a bulk insert of
 * a megabyte holds no more tokens than its first row.
 */

export const WORD = 1
export const QUOTED = 2
export const LITERAL = 3
export const PLACEHOLDER = 4
/** One or more operator or punctuation characters; `code` is the character when it is one. */
export const SYMBOL = 5

/** Characters read of one statement. Senders cut attributes long before this. */
const LONGEST_TEXT = 65_536
/** As many tokens before a quoted one are searched for the same name. */
const NAMES_LOOKED_BACK = 64
/** Digits of a column's number in ORDER BY and GROUP BY. */
const LONGEST_POSITION = 3
/** Parentheses deeper than this are read as plain symbols. */
const DEEPEST = 200

const BACKSLASH_ESCAPES = 1
const DOUBLE_QUOTED_STRINGS = 2
const HASH_COMMENTS = 4
const NESTED_COMMENTS = 8
const BRACKET_NAMES = 16
const BRACKET_NAMES_MAYBE = 32
const DOLLAR_QUOTES = 64
const Q_QUOTES = 128
const HASH_NAMES = 256
const EXACT_QUOTED_CASE = 512
const UPPER_IS_PLAIN = 1024
const DASHES_NEED_SPACE = 2048
/** What stands in double quotes is a name where there is one, else a string: as SQLite does, and SQL Server may be set to. */
const DOUBLE_QUOTED_MAYBE = 4096

const FEATURES: Readonly<Record<Dialect, number>> = {
  postgresql: NESTED_COMMENTS | DOLLAR_QUOTES | EXACT_QUOTED_CASE,
  mysql: BACKSLASH_ESCAPES | DOUBLE_QUOTED_STRINGS | HASH_COMMENTS | DASHES_NEED_SPACE,
  mssql: NESTED_COMMENTS | BRACKET_NAMES | HASH_NAMES | DOUBLE_QUOTED_MAYBE,
  oracle: Q_QUOTES | HASH_NAMES | EXACT_QUOTED_CASE | UPPER_IS_PLAIN,
  sqlite: BRACKET_NAMES | DOUBLE_QUOTED_MAYBE,
}
const OTHER_FEATURES = BRACKET_NAMES_MAYBE | DOLLAR_QUOTES | DOUBLE_QUOTED_MAYBE

/** `db.system.name` values of OpenTelemetry (and older spellings) whose lexical rules are one of ours. */
const DIALECT_OF_SYSTEM: Readonly<Record<string, Dialect>> = {
  postgresql: 'postgresql',
  postgres: 'postgresql',
  cockroachdb: 'postgresql',
  redshift: 'postgresql',
  'aws.redshift': 'postgresql',
  'gcp.alloydb': 'postgresql',
  yugabytedb: 'postgresql',
  mysql: 'mysql',
  mariadb: 'mysql',
  tidb: 'mysql',
  clickhouse: 'mysql',
  hive: 'mysql',
  mssql: 'mssql',
  'microsoft.sql_server': 'mssql',
  sqlserver: 'mssql',
  oracle: 'oracle',
  'oracle.db': 'oracle',
  sqlite: 'sqlite',
}

function featuresOf(dialect: string): number {
  const known = DIALECT_OF_SYSTEM[dialect] ?? DIALECT_OF_SYSTEM[dialect.toLowerCase()]
  return known === undefined ? OTHER_FEATURES : FEATURES[known]
}

// What a character can begin. One table look-up instead of a chain of comparisons.
const SPACE = 1
const LETTER = 2
const DIGIT = 3
const OPERATOR = 4
const OTHER = 5
const classes = buildClasses()

function buildClasses(): Uint8Array {
  const table = new Uint8Array(128).fill(OTHER)
  for (let code = 0; code <= 32; code++) table[code] = SPACE
  table[127] = SPACE
  for (let code = 48; code <= 57; code++) table[code] = DIGIT
  for (let code = 65; code <= 90; code++) {
    table[code] = LETTER
    table[code + 32] = LETTER
  }
  table[95] = LETTER
  for (const character of '<>=!|&^~@#') table[character.charCodeAt(0)] = OPERATOR
  return table
}

/** ASCII that continues a word, in lower case; 0 for what ends it. */
const foldedWordCharacter = buildFolded()

function buildFolded(): Uint8Array {
  const table = new Uint8Array(128)
  for (let code = 48; code <= 57; code++) table[code] = code
  for (let code = 97; code <= 122; code++) {
    table[code] = code
    table[code - 32] = code
  }
  for (const character of '_$#') table[character.charCodeAt(0)] = character.charCodeAt(0)
  return table
}

function classOf(code: number): number {
  // Past the end of the text the code is NaN, which no comparison holds for.
  if (!(code >= 128)) return classes[code] ?? OTHER
  if (code === 0xa0 || code === 0xfeff || code === 0x3000) return SPACE
  return (code >= 0x2000 && code <= 0x200b) || code === 0x2028 || code === 0x2029 ? SPACE : LETTER
}

/** Letter, digit, `_`, `$`, `#` (not in MySQL, where it begins a comment) or beyond ASCII. */
function continuesWord(code: number): boolean {
  const kind = classOf(code)
  return kind === LETTER || kind === DIGIT || code === 36
}

// Kinds of parentheses that shrink.
const PLAIN = 0
const LIST = 1
const ROW = 2
const REPEATED_ROW = 3

const LANE_2_SEED = 0x9747b28c | 0
/** The second lane multiplies by another odd constant (the golden ratio's), so the lanes do not collide together. */
function laneStep(hash: number, code: number): number {
  const mixed = Math.imul(hash ^ code, 0x9e3779b1)
  return (mixed << 15) | (mixed >>> 17)
}

export class SqlTokens {
  count = 0
  kind = new Uint8Array(512)
  start = new Int32Array(512)
  end = new Int32Array(512)
  /** Keyword number of a word, character of a one-character symbol; else 0. */
  code = new Uint16Array(512)
  /** Two hashes of the token's canonical text. */
  hash1 = new Int32Array(512)
  hash2 = new Int32Array(512)
  /** 1 where the name has a run of two or more digits. */
  numbered = new Uint8Array(512)

  /** Rows of VALUES, of which the tokens hold the first only. */
  valueRows = 0

  text = ''
  length = 0
  #features = 0
  #literalCount = 0
  #literalStart = new Int32Array(256)
  #literalEnd = new Int32Array(256)

  // One entry for each open parenthesis.
  #depth = 0
  readonly #openToken = new Int32Array(DEEPEST + 1)
  readonly #openKind = new Uint8Array(DEEPEST + 1)
  /** 1 while everything inside is values and commas. */
  readonly #simple = new Uint8Array(DEEPEST + 1)
  readonly #firstComma = new Int32Array(DEEPEST + 1)
  /** Last token of the last row closed at this depth. */
  readonly #rowEnd = new Int32Array(DEEPEST + 1)

  /** Reads `text`; what was here before is gone. Never throws. */
  read(text: string, dialect: string): void {
    this.text = text
    this.length = Math.min(text.length, LONGEST_TEXT)
    this.#features = featuresOf(dialect)
    this.count = 0
    this.#literalCount = 0
    this.valueRows = 0
    this.#depth = 0
    this.#rowEnd[0] = -2
    this.#simple[0] = 0
    this.#openKind[0] = PLAIN
    this.#scan()
    this.#closeOpenLists()
    while (
      this.count > 0 &&
      this.code[this.count - 1] === 59 &&
      this.kind[this.count - 1] === SYMBOL
    ) {
      this.count--
    }
  }

  /** The literals as written, in order; slices of the text. */
  literals(): string[] {
    const found: string[] = new Array(this.#literalCount)
    for (let i = 0; i < this.#literalCount; i++) {
      found[i] = this.text.slice(this.#literalStart[i] ?? 0, this.#literalEnd[i] ?? 0)
    }
    return found
  }

  /** Where they stand in the text: start and end of each in turn. */
  literalPlaces(): Int32Array {
    const places = new Int32Array(this.#literalCount * 2)
    for (let i = 0; i < this.#literalCount; i++) {
      places[i * 2] = this.#literalStart[i] ?? 0
      places[i * 2 + 1] = this.#literalEnd[i] ?? 0
    }
    return places
  }

  get quotedCaseIsExact(): boolean {
    return (this.#features & EXACT_QUOTED_CASE) !== 0
  }

  get unquotedIsUpper(): boolean {
    return (this.#features & UPPER_IS_PLAIN) !== 0
  }

  /** SELECT … INTO name: a table in some dialects, a variable in others. */
  get selectIntoMakesTable(): boolean {
    return (this.#features & (BACKSLASH_ESCAPES | Q_QUOTES)) === 0
  }

  isKeyword(index: number, keyword: number): boolean {
    return index < this.count && this.kind[index] === WORD && this.code[index] === keyword
  }

  isSymbol(index: number, character: number): boolean {
    return index < this.count && this.kind[index] === SYMBOL && this.code[index] === character
  }

  isName(index: number): boolean {
    if (index >= this.count) return false
    const kind = this.kind[index] ?? 0
    if (kind === QUOTED) return true
    return kind === WORD && ((KEYWORD_FLAGS[this.code[index] ?? 0] ?? 0) & RESERVED) === 0
  }

  isValue(index: number): boolean {
    if (index >= this.count) return false
    const kind = this.kind[index] ?? 0
    return kind === LITERAL || kind === PLACEHOLDER
  }

  isDoubleColon(index: number): boolean {
    return index < this.count && this.kind[index] === SYMBOL && this.code[index] === DOUBLE_COLON
  }

  // ── Characters to tokens ─────────────────────────────────────────────────

  #scan(): void {
    const text = this.text
    const length = this.length
    let at = 0
    while (at < length) {
      const code = text.charCodeAt(at)
      switch (classOf(code)) {
        case SPACE:
          at++
          break
        case LETTER:
          at = this.#word(at)
          break
        case DIGIT:
          at = this.#number(at)
          break
        case OPERATOR:
          at = this.#operator(at, code)
          break
        default:
          at = this.#other(at, code)
      }
    }
  }

  #word(start: number): number {
    const text = this.text
    const length = this.length
    let hash1 = WORD_SEED
    let hash2 = LANE_2_SEED
    let at = start
    let digitsInRow = 0
    let numbered = 0
    for (; at < length; at++) {
      let code = text.charCodeAt(at)
      if (code < 128) {
        code = foldedWordCharacter[code] ?? 0
        if (code === 0 || (code === 35 && (this.#features & HASH_NAMES) === 0)) break
        if (code > 57 || code < 48) digitsInRow = 0
        else if (++digitsInRow === 2) numbered = 1
      } else if (classOf(code) === SPACE) break
      hash1 = wordStep(hash1, code)
      hash2 = laneStep(hash2, code)
    }
    const next = at < length ? text.charCodeAt(at) : 0
    if (next === 39 && this.#isStringPrefix(start, at)) {
      const first = text.charCodeAt(start) | 32
      if (first === 113 || (first === 110 && at - start === 2)) return this.#qQuote(start, at)
      return this.#string(start, at, first === 101)
    }
    if (next === 38 && at - start === 1 && (text.charCodeAt(start) | 32) === 117) {
      if (text.charCodeAt(at + 1) === 39) return this.#string(start, at + 1, false)
    }
    const keyword = this.#follows(46) ? 0 : findKeyword(text, start, at, hash1)
    if (keyword === 0 && this.#isPasswordNext()) {
      this.#literal(start, at)
      return at
    }
    const index = this.#push(WORD, start, at, keyword, hash1, hash2)
    this.numbered[index] = numbered
    return at
  }

  /** Whether the one or two letters before a quote belong to the string: E'', N'', B'', X'', R'', q'[]', _utf8''. */
  #isStringPrefix(start: number, end: number): boolean {
    const first = this.text.charCodeAt(start) | 32
    if (this.text.charCodeAt(start) === 95) return (this.#features & BACKSLASH_ESCAPES) !== 0
    if (end - start === 1) {
      if (first === 113) return (this.#features & Q_QUOTES) !== 0
      return first === 101 || first === 110 || first === 98 || first === 120 || first === 114
    }
    if (end - start !== 2 || (this.#features & Q_QUOTES) === 0) return false
    return first === 110 && (this.text.charCodeAt(start + 1) | 32) === 113
  }

  /** Oracle's q'[…]': the delimiter after the quote, its mirror image and a quote end it. */
  #qQuote(start: number, quote: number): number {
    const text = this.text
    const open = text.charCodeAt(quote + 1)
    const close = open === 91 ? 93 : open === 40 ? 41 : open === 123 ? 125 : open === 60 ? 62 : open
    let at = quote + 2
    while (at < this.length && !(text.charCodeAt(at) === close && text.charCodeAt(at + 1) === 39)) {
      at++
    }
    return this.#literal(start, Math.min(at + 2, this.length))
  }

  /** A string whose opening quote is at `quote`. */
  #string(start: number, quote: number, escapes: boolean): number {
    const text = this.text
    const mark = text.charCodeAt(quote)
    const backslash = escapes || (this.#features & BACKSLASH_ESCAPES) !== 0
    let at = quote + 1
    while (at < this.length) {
      const code = text.charCodeAt(at)
      if (code === 92 && backslash) at += 2
      else if (code !== mark) at++
      else if (text.charCodeAt(at + 1) === mark) at += 2
      else return this.#literal(start, at + 1)
    }
    return this.#literal(start, this.length)
  }

  /** A quoted name; one without an end may be anything, so it goes out like a literal. */
  #quoted(start: number, close: number): number {
    const text = this.text
    let hash1 = WORD_SEED
    let hash2 = LANE_2_SEED
    let digitsInRow = 0
    let numbered = 0
    const exact =
      this.quotedCaseIsExact && !(this.unquotedIsUpper && isUpperCase(text, start + 1, close))
    for (let at = start + 1; at < this.length; at++) {
      let code = text.charCodeAt(at)
      if (code === close) {
        if (text.charCodeAt(at + 1) !== close) {
          if (this.#isPasswordNext()) return this.#literal(start, at + 1)
          const index = this.#push(QUOTED, start, at + 1, 0, hash1, hash2)
          this.numbered[index] = numbered
          return at + 1
        }
        at++
      } else if (code >= 65 && code <= 90 && !exact) code |= 32
      digitsInRow = code >= 48 && code <= 57 ? digitsInRow + 1 : 0
      if (digitsInRow === 2) numbered = 1
      hash1 = wordStep(hash1, code)
      hash2 = laneStep(hash2, code)
    }
    return this.#literal(start, this.length)
  }

  #number(start: number): number {
    const text = this.text
    let at = start
    let previous = 0
    let underscores = 0
    for (; at < this.length; at++) {
      const code = text.charCodeAt(at)
      if (continuesWord(code)) {
        if (code === 95) underscores++
        previous = code | 32
      } else if (code === 46 && text.charCodeAt(at + 1) !== 46 && !this.#follows(46)) previous = 0
      else if ((code === 43 || code === 45) && previous === 101 && this.#isExponent(start, at)) {
        previous = 0
      } else break
    }
    const mayBeName = (this.#features & HASH_COMMENTS) !== 0 && underscores > 0
    const isWhole = text.charCodeAt(start) !== 46 && !this.#follows(46)
    if (mayBeName && isWhole && hasLetter(text, start, at)) return this.#numericName(start, at)
    if (this.#isInPlaceOfPosition(at)) return this.#position(start, at)
    return this.#literal(start, at)
  }

  /** `ORDER BY 2 DESC, 1`: alone behind BY, or behind a comma after names. */
  #isInPlaceOfPosition(end: number): boolean {
    let before = this.count - 1
    if (!this.isKeyword(before, KEYWORD.BY)) {
      if (!this.isSymbol(before, 44)) return false
      const furthest = Math.max(0, before - NAMES_LOOKED_BACK)
      while (before > furthest && this.#isPartOfOrder(before)) before--
      if (!this.isKeyword(before, KEYWORD.BY)) return false
    }
    if (!this.isKeyword(before - 1, KEYWORD.ORDER) && !this.isKeyword(before - 1, KEYWORD.GROUP)) {
      return false
    }
    let at = end
    while (at < this.length && classOf(this.text.charCodeAt(at)) === SPACE) at++
    if (at >= this.length) return true
    const code = this.text.charCodeAt(at)
    if (code === 44 || code === 41 || code === 59 || classOf(code) === LETTER) return true
    // A comment, or an operator.
    return (code === 47 || code === 45) && this.text.charCodeAt(at + 1) === (code === 47 ? 42 : 45)
  }

  #isPartOfOrder(index: number): boolean {
    const kind = this.kind[index]
    if (kind === QUOTED) return true
    const code = this.code[index] ?? 0
    if (kind === SYMBOL) return code === 44 || code === 46
    return kind === WORD && (code === 0 || code === KEYWORD.ASC || code === KEYWORD.DESC)
  }

  /**
   * Which column of the result is meant is no value but part of the work. No number in this place counts among the
   * literals, so that two statements that differ in it are never taken for one by what they are without literals.
   */
  #position(start: number, end: number): number {
    let hash1 = WORD_SEED
    let hash2 = LANE_2_SEED
    for (let at = start; at < end; at++) {
      const code = this.text.charCodeAt(at)
      // No result has columns by the thousand.
      if (code < 48 || code > 57 || end - start > LONGEST_POSITION) {
        this.#push(LITERAL, start, end, 0, 63, 63)
        return end
      }
      hash1 = wordStep(hash1, code)
      hash2 = laneStep(hash2, code)
    }
    this.#push(WORD, start, end, 0, hash1, hash2)
    return end
  }

  /** `2E+9`: the sign belongs to the number; in `0x1E+9` it does not. */
  #isExponent(start: number, sign: number): boolean {
    const next = this.text.charCodeAt(sign + 1)
    return next >= 48 && next <= 57 && (this.text.charCodeAt(start + 1) | 32) !== 120
  }

  /** MySQL lets names begin with digits. */
  #numericName(start: number, end: number): number {
    let hash1 = WORD_SEED
    let hash2 = LANE_2_SEED
    for (let at = start; at < end; at++) {
      const code = this.text.charCodeAt(at)
      const folded = code >= 65 && code <= 90 ? code | 32 : code
      hash1 = wordStep(hash1, folded)
      hash2 = laneStep(hash2, folded)
    }
    this.#push(WORD, start, end, 0, hash1, hash2)
    return end
  }

  #operator(start: number, first: number): number {
    const text = this.text
    if (first === 35 && (this.#features & (HASH_COMMENTS | HASH_NAMES)) !== 0) {
      return (this.#features & HASH_COMMENTS) !== 0 ? this.#lineComment(start) : this.#word(start)
    }
    if (first === 64) {
      let at = start + 1
      if (text.charCodeAt(at) === 64) at++
      if (
        at < this.length &&
        classOf(text.charCodeAt(at)) === LETTER &&
        !this.#touchesOperand(start)
      ) {
        const end = this.#wordEnd(at)
        if (at === start + 1) return this.#placeholder(start, end)
        return this.#symbol(start, end)
      }
    }
    let at = start + 1
    while (at < this.length) {
      const code = text.charCodeAt(at)
      if (classOf(code) !== OPERATOR) break
      if (code === 64 && classOf(text.charCodeAt(at + 1)) === LETTER) break
      if (code === 35 && (this.#features & (HASH_COMMENTS | HASH_NAMES)) !== 0) break
      at++
    }
    return this.#symbol(start, at)
  }

  #wordEnd(start: number): number {
    let at = start
    while (at < this.length && continuesWord(this.text.charCodeAt(at))) at++
    return at
  }

  #other(start: number, code: number): number {
    const text = this.text
    const next = start + 1 < this.length ? text.charCodeAt(start + 1) : 0
    switch (code) {
      case 39: // '
        return this.#string(start, start, false)
      case 34: // "
        return this.#isDoubleQuotedString(start)
          ? this.#string(start, start, false)
          : this.#quoted(start, 34)
      case 96: // `
        return this.#quoted(start, 96)
      case 91: // [
        if (this.#beginsBracketName(start)) return this.#quoted(start, 93)
        break
      case 45: // -
        if (next === 45 && this.#isDashComment(start)) return this.#lineComment(start)
        if (next === 62)
          return this.#symbol(start, text.charCodeAt(start + 2) === 62 ? start + 3 : start + 2)
        if (next === 61) return this.#symbol(start, start + 2)
        break
      case 47: // /
        if (next === 42) return this.#blockComment(start)
        if (next === 61) return this.#symbol(start, start + 2)
        break
      case 43: // +
      case 42: // *
        if (next === 61) return this.#symbol(start, start + 2)
        break
      case 63: // ?
        return this.#placeholder(start, this.#digitsEnd(start + 1))
      case 36: // $
        return this.#dollar(start, next)
      case 58: // :
        return this.#colon(start, next)
      case 37: // %
        return this.#percent(start, next)
      case 46: // .
        if (next >= 48 && next <= 57 && !this.#followsOperand()) return this.#number(start)
        break
      default:
    }
    return this.#symbol(start, start + 1)
  }

  /**
   * Which of the two it is, only the schema knows. Where a value is expected it is taken for one, unless it goes
   * on with a dot or the statement has used the name before: a column less in the text is better than a name of
   * somebody in it.
   */
  #isDoubleQuotedString(start: number): boolean {
    if ((this.#features & DOUBLE_QUOTED_STRINGS) !== 0) return true
    if ((this.#features & DOUBLE_QUOTED_MAYBE) === 0) return false
    const close = this.text.indexOf('"', start + 1)
    if (!this.#expectsValue(this.count - 1, this.#depth)) {
      return this.#isArgument() && !this.#isSpelledAsName(start + 1, close)
    }
    if (close < 0 || close >= this.length) return true
    return this.text.charCodeAt(close + 1) !== 46 && !this.#isNameAbove(start + 1, close)
  }

  /**
   * After a comparison, in a list or row of values, and behind the few words that compare or count; also as what a
   * function is given that stands there: `= lower("Ada")`.
   */
  #expectsValue(last: number, depth: number): boolean {
    if (last < 0) return false
    if (this.kind[last] === SYMBOL) {
      const code = this.code[last]
      if (code === 40 || code === 44) {
        if (depth === 0 || depth > DEEPEST) return false
        if (this.#openKind[depth] !== PLAIN) return true
        const open = this.#openToken[depth] ?? 0
        return this.#isCall(open) && this.#expectsValue(open - 2, depth - 1)
      }
      const first = this.text.charCodeAt(this.start[last] ?? 0)
      return first === 61 || first === 60 || first === 62 || first === 33
    }
    if (this.kind[last] !== WORD) return false
    switch (this.code[last]) {
      case KEYWORD.LIKE:
      case KEYWORD.ILIKE:
      case KEYWORD.RLIKE:
      case KEYWORD.BETWEEN:
      case KEYWORD.LIMIT:
      case KEYWORD.OFFSET:
        return true
      case KEYWORD.AND:
        return this.isKeyword(last - 2, KEYWORD.BETWEEN) && this.isValue(last - 1)
      default:
        return false
    }
  }

  /** Right behind the parenthesis of a call, or a comma in it. */
  #isArgument(): boolean {
    if (!this.#follows(40) && !this.#follows(44)) return false
    const depth = this.#depth
    return depth > 0 && depth <= DEEPEST && this.#isCall(this.#openToken[depth] ?? 0)
  }

  /** Whether the parenthesis is a function's, and not that of a table's columns. */
  #isCall(open: number): boolean {
    const name = open - 1
    if (name < 0 || this.kind[name] !== WORD) return false
    const flags = KEYWORD_FLAGS[this.code[name] ?? 0] ?? 0
    if ((flags & RESERVED) !== 0 && (flags & CALLABLE) === 0) return false
    const verb = this.kind[0] === WORD ? (this.code[0] ?? 0) : 0
    if (verb === KEYWORD.CREATE || verb === KEYWORD.ALTER || name === 0) return false
    if (this.isSymbol(name - 1, 46)) return false
    if (this.kind[name - 1] !== WORD) return true
    const before = this.code[name - 1]
    return before !== KEYWORD.INTO && before !== KEYWORD.WITH && before !== KEYWORD.INSERT
  }

  /** As nearly all columns are: letters, digits and underscores. A sentence or an address is a value. */
  #isSpelledAsName(from: number, close: number): boolean {
    if (close < 0 || close >= this.length) return false
    for (let at = from; at < close; at++) {
      if (!continuesWord(this.text.charCodeAt(at))) return false
    }
    return classOf(this.text.charCodeAt(from)) !== DIGIT
  }

  /** Among the tokens close by: `SET "stock" = "stock" - 1`. */
  #isNameAbove(from: number, to: number): boolean {
    const furthest = Math.max(0, this.count - NAMES_LOOKED_BACK)
    for (let index = this.count - 1; index >= furthest; index--) {
      const kind = this.kind[index]
      const quotes = kind === QUOTED ? 1 : 0
      if (kind !== QUOTED && kind !== WORD) continue
      const start = (this.start[index] ?? 0) + quotes
      const end = (this.end[index] ?? 0) - quotes
      if (end - start === to - from && this.#isSameText(start, from, end - start)) return true
    }
    return false
  }

  #isSameText(one: number, other: number, length: number): boolean {
    for (let at = 0; at < length; at++) {
      if (this.text.charCodeAt(one + at) !== this.text.charCodeAt(other + at)) return false
    }
    return true
  }

  #digitsEnd(start: number): number {
    let at = start
    while (at < this.length && classOf(this.text.charCodeAt(at)) === DIGIT) at++
    return at
  }

  #beginsBracketName(start: number): boolean {
    if ((this.#features & BRACKET_NAMES) !== 0) return true
    if ((this.#features & BRACKET_NAMES_MAYBE) === 0) return false
    if (this.#followsOperand() || this.isKeyword(this.count - 1, KEYWORD.ARRAY)) return false
    let at = start + 1
    while (at < this.length && classOf(this.text.charCodeAt(at)) === SPACE) at++
    return at < this.length && classOf(this.text.charCodeAt(at)) === LETTER
  }

  #isDashComment(start: number): boolean {
    if ((this.#features & DASHES_NEED_SPACE) === 0) return true
    return start + 2 >= this.length || classOf(this.text.charCodeAt(start + 2)) === SPACE
  }

  #lineComment(start: number): number {
    let at = start
    while (at < this.length) {
      const code = this.text.charCodeAt(at)
      if (code === 10 || code === 13) break
      at++
    }
    return at
  }

  #blockComment(start: number): number {
    const nests = (this.#features & NESTED_COMMENTS) !== 0
    let open = 1
    let at = start + 2
    while (at < this.length) {
      const code = this.text.charCodeAt(at)
      if (code === 42 && this.text.charCodeAt(at + 1) === 47) {
        at += 2
        if (--open === 0) return at
      } else if (nests && code === 47 && this.text.charCodeAt(at + 1) === 42) {
        at += 2
        open++
      } else at++
    }
    return this.length
  }

  /** $1, $name, $$…$$, $tag$…$tag$. */
  #dollar(start: number, next: number): number {
    if (next >= 48 && next <= 57) return this.#placeholder(start, this.#digitsEnd(start + 1))
    let at = start + 1
    while (at < this.length && isTagCharacter(this.text.charCodeAt(at))) at++
    if (this.text.charCodeAt(at) === 36 && (this.#features & DOLLAR_QUOTES) !== 0) {
      const tag = this.text.slice(start, at + 1)
      const close = this.text.indexOf(tag, at + 1)
      const end = close < 0 ? this.length : Math.min(close + tag.length, this.length)
      return this.#literal(start, end)
    }
    return at > start + 1 ? this.#placeholder(start, at) : this.#symbol(start, start + 1)
  }

  /** `::type`, `:=`, `:name`, `:1`. */
  #colon(start: number, next: number): number {
    if (next === 58) {
      this.#push(SYMBOL, start, start + 2, DOUBLE_COLON, DOUBLE_COLON, DOUBLE_COLON)
      return start + 2
    }
    if (next === 61) return this.#symbol(start, start + 2)
    const kind = next === 0 ? OTHER : classOf(next)
    if ((kind === LETTER || kind === DIGIT) && !this.#touchesOperand(start)) {
      return this.#placeholder(start, this.#wordEnd(start + 1))
    }
    return this.#symbol(start, start + 1)
  }

  /** Python's `%s` and `%(name)s`, where no operand says that it is a modulo. */
  #percent(start: number, next: number): number {
    if (this.#followsOperand()) return this.#symbol(start, start + 1)
    if (next === 115 || next === 100) {
      if (!continuesWord(this.text.charCodeAt(start + 2)))
        return this.#placeholder(start, start + 2)
    } else if (next === 40) {
      const close = this.#wordEnd(start + 2)
      if (this.text.charCodeAt(close) === 41 && close < this.length) {
        const after = this.text.charCodeAt(close + 1)
        if (after === 115 || after === 100) return this.#placeholder(start, close + 2)
      }
    }
    return this.#symbol(start, start + 1)
  }

  // ── Tokens and what they do to those before them ─────────────────────────

  #literal(start: number, end: number): number {
    let from = start
    // `= - 5`: the sign is part of the number; in `a - 5` it is an operator.
    while (this.#isSign(this.count - 1) && !this.#isOperand(this.count - 2)) {
      this.count--
      from = this.start[this.count] ?? from
    }
    if (this.#literalCount === this.#literalStart.length) {
      this.#literalStart = doubled(this.#literalStart)
      this.#literalEnd = doubled(this.#literalEnd)
    }
    this.#literalStart[this.#literalCount] = from
    this.#literalEnd[this.#literalCount++] = end
    this.#push(LITERAL, from, end, 0, 63, 63)
    return end
  }

  #placeholder(start: number, end: number): number {
    this.#push(PLACEHOLDER, start, end, 0, 63, 63)
    return end
  }

  #symbol(start: number, end: number): number {
    const first = this.text.charCodeAt(start)
    if (end - start === 1) {
      this.#single(start, first)
      return end
    }
    let hash1 = WORD_SEED
    let hash2 = LANE_2_SEED
    // `!=` is another spelling of `<>`.
    const isUnequal = end - start === 2 && first === 33 && this.text.charCodeAt(start + 1) === 61
    for (let at = start; at < end; at++) {
      const code = isUnequal ? 60 + 2 * (at - start) : this.text.charCodeAt(at)
      hash1 = wordStep(hash1, code)
      hash2 = laneStep(hash2, code)
    }
    this.#push(SYMBOL, start, end, 0, hash1, hash2)
    return end
  }

  #single(start: number, code: number): void {
    if (code === 59) {
      const last = this.count - 1
      if (last < 0 || this.isSymbol(last, 59)) return
      this.#closeOpenLists()
      this.#depth = 0
      this.#rowEnd[0] = -2
    }
    if (code === 41 || code === 93) {
      this.#close(start, code)
      return
    }
    // `order.id`: before a dot it is a name whatever it spells (after one, #word knows).
    if (code === 46 && this.count > 0 && this.kind[this.count - 1] === WORD) {
      this.code[this.count - 1] = 0
    }
    const opens = code === 40 || code === 91
    const kind = opens ? this.#openingKind(code) : PLAIN
    this.#push(SYMBOL, start, start + 1, code, code, code)
    if (opens) this.#open(kind)
  }

  #openingKind(code: number): number {
    const last = this.count - 1
    if (last < 0) return PLAIN
    if (this.kind[last] === WORD) {
      const keyword = this.code[last] ?? 0
      if (code === 91) return keyword === KEYWORD.ARRAY ? LIST : PLAIN
      if (keyword === KEYWORD.IN) return LIST
      return keyword === KEYWORD.VALUES ? ROW : PLAIN
    }
    const depth = Math.min(this.#depth, DEEPEST)
    if (this.isSymbol(last, 44)) return this.#rowEnd[depth] === last - 1 ? REPEATED_ROW : PLAIN
    // (a, b) IN ((1, 2), (3, 4)): the first tuple of a list stands for all.
    const inList = this.#openKind[depth] === LIST && this.#openToken[depth] === last
    return inList && this.isSymbol(last, 40) ? ROW : PLAIN
  }

  #open(kind: number): void {
    this.#depth++
    if (this.#depth > DEEPEST) return
    this.#openToken[this.#depth] = this.count - 1
    this.#openKind[this.#depth] = kind
    this.#simple[this.#depth] = kind === LIST ? 1 : 0
    this.#firstComma[this.#depth] = -1
    this.#rowEnd[this.#depth] = -2
  }

  #close(start: number, code: number): void {
    const depth = this.#depth
    let kind = PLAIN
    if (depth > 0 && depth <= DEEPEST) {
      kind = this.#openKind[depth] ?? PLAIN
      this.#shrink(depth)
    }
    if (depth > 0) this.#depth--
    // `VALUES (…)` again, in ON DUPLICATE KEY UPDATE, is no further row.
    if (this.#depth === 0 && (kind === REPEATED_ROW || (kind === ROW && this.valueRows === 0))) {
      this.valueRows++
    }
    if (kind === REPEATED_ROW) return
    this.#push(SYMBOL, start, start + 1, code, code, code)
    if (kind === ROW && this.#depth <= DEEPEST) this.#rowEnd[this.#depth] = this.count - 1
  }

  /** A list of values keeps its first, a repeated row goes with the comma before it. */
  #shrink(depth: number): void {
    const kind = this.#openKind[depth] ?? PLAIN
    const open = this.#openToken[depth] ?? 0
    if (kind === REPEATED_ROW) this.count = open - 1
    if (kind !== LIST || this.#simple[depth] !== 1) return
    const comma = this.#firstComma[depth] ?? -1
    if (comma > 0) this.count = comma
  }

  /** A statement cut in the middle is read as if its lists ended there. */
  #closeOpenLists(): void {
    const deepest = Math.min(this.#depth, DEEPEST)
    for (let depth = deepest; depth > 0; depth--) this.#shrink(depth)
    const last = this.count - 1
    for (let depth = deepest; depth >= 0; depth--) {
      if (this.isSymbol(last, 44) && this.#rowEnd[depth] === last - 1) this.count = last
    }
  }

  #push(
    kind: number,
    start: number,
    end: number,
    code: number,
    hash1: number,
    hash2: number,
  ): number {
    const index = this.count
    if (index === this.kind.length) this.#grow()
    const depth = this.#depth
    if (depth <= DEEPEST && this.#simple[depth] === 1) this.#judgeSimple(depth, kind, code)
    this.kind[index] = kind
    this.start[index] = start
    this.end[index] = end
    this.code[index] = code
    this.hash1[index] = hash1
    this.hash2[index] = hash2
    this.numbered[index] = 0
    this.count = index + 1
    return index
  }

  /** Values, commas, casts of values (`$1::uuid`) and typed literals (`DATE '…'`) keep a list simple. */
  #judgeSimple(depth: number, kind: number, code: number): void {
    if (kind === LITERAL || kind === PLACEHOLDER) return
    if (kind === SYMBOL) {
      if (code === 44) {
        if ((this.#firstComma[depth] ?? -1) < 0) this.#firstComma[depth] = this.count
        return
      }
      // A sign may still join its number; `IN (2 - 1)` has only values in it too.
      if (code === DOUBLE_COLON || code === 43 || code === 45) return
    } else if (kind === WORD) {
      if (this.isDoubleColon(this.count - 1)) return
      if (((KEYWORD_FLAGS[code] ?? 0) & (VALUE | TYPE_PREFIX)) !== 0) return
    }
    this.#simple[depth] = 0
  }

  #grow(): void {
    this.kind = doubled(this.kind)
    this.start = doubled(this.start)
    this.end = doubled(this.end)
    this.code = doubled(this.code)
    this.hash1 = doubled(this.hash1)
    this.hash2 = doubled(this.hash2)
    this.numbered = doubled(this.numbered)
  }

  // ── Questions about the last token ───────────────────────────────────────

  #follows(character: number): boolean {
    return this.count > 0 && this.isSymbol(this.count - 1, character)
  }

  /** Whether a name, value or closing bracket stands right before, as in `label:` and `table@link`. */
  #touchesOperand(start: number): boolean {
    if (start === 0) return false
    const before = this.text.charCodeAt(start - 1)
    const closes = before === 41 || before === 93 || before === 34 || before === 96 || before === 39
    return closes || continuesWord(before)
  }

  #followsOperand(): boolean {
    return this.#isOperand(this.count - 1)
  }

  #isOperand(index: number): boolean {
    if (index < 0) return false
    const kind = this.kind[index] ?? 0
    if (kind === WORD) {
      const keyword = this.code[index] ?? 0
      const flags = KEYWORD_FLAGS[keyword] ?? 0
      if ((flags & OPERAND) !== 0) return true
      return (flags & RESERVED) === 0 && keyword !== KEYWORD.INTERVAL
    }
    if (kind !== SYMBOL) return true
    const code = this.code[index]
    return code === 41 || code === 93
  }

  #isSign(index: number): boolean {
    return this.isSymbol(index, 45) || this.isSymbol(index, 43)
  }

  /** `… PASSWORD secret`, `IDENTIFIED BY secret`: the word is a literal without quotes. */
  #isPasswordNext(): boolean {
    const last = this.count - 1
    if (last < 1 || this.kind[last] !== WORD) return false
    const keyword = this.code[last]
    if (keyword === KEYWORD.BY) return this.isKeyword(last - 1, KEYWORD.IDENTIFIED)
    if (keyword !== KEYWORD.PASSWORD || this.#depth > 0) return false
    return this.#speaksOfAccounts()
  }

  /** Not a query and not the definition of a table: there `password` is a column. */
  #speaksOfAccounts(): boolean {
    const verb = this.kind[0] === WORD ? (this.code[0] ?? 0) : 0
    if (verb === KEYWORD.CREATE || verb === KEYWORD.ALTER) {
      for (let index = 1; index < 4; index++) {
        const object = this.kind[index] === WORD ? (this.code[index] ?? 0) : 0
        if (object === KEYWORD.TABLE || object === KEYWORD.VIEW || object === KEYWORD.INDEX) {
          return false
        }
      }
      return true
    }
    return verb === 0 || verb === KEYWORD.SET || verb === KEYWORD.GRANT
  }
}

/** `code` of `::`, beyond every character that is a symbol by itself. */
const DOUBLE_COLON = 0xff3a

function isTagCharacter(code: number): boolean {
  return code !== 36 && continuesWord(code)
}

function isUpperCase(text: string, from: number, close: number): boolean {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === close) return true
    if (code >= 97 && code <= 122) return false
  }
  return true
}

function hasLetter(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at) | 32
    if (code >= 97 && code <= 122) return true
  }
  return false
}

function doubled<T extends Uint8Array | Uint16Array | Int32Array>(old: T): T {
  const grown = new (old.constructor as new (length: number) => T)(old.length * 2)
  grown.set(old)
  return grown
}
