/** Statements with more literals, or longer ones, are read in full each time. */
const MOST_LITERALS = 64
const LONGEST_BYTES = 8_192

const QUOTE = 39
const DOUBLE_QUOTE = 34
const BACKTICK = 96
const BACKSLASH = 92
const DOT = 46
const NUMBER_MARK = 1
const STRING_MARK = 2

const DIGIT = 1
/** A digit after it belongs to a name, a placeholder or another number: `t1`, `$1`, `:1`, `?1`, `t.1`. */
const JOINS_DIGITS = 2
const classes = buildClasses()

function buildClasses(): Uint8Array {
  const table = new Uint8Array(256)
  for (const character of '_$?:@#%.') table[character.charCodeAt(0)] = JOINS_DIGITS
  for (let code = 65; code <= 90; code++) table[code] = table[code + 32] = JOINS_DIGITS
  for (let code = 128; code < 256; code++) table[code] = JOINS_DIGITS
  for (let code = 48; code <= 57; code++) table[code] = DIGIT | JOINS_DIGITS
  return table
}

/**
 * What is left of a statement's bytes without its plainest literals: numbers such as `42` and `2.5`, and
 * `'strings'` without backslashes. It needs no dialect, no string and no token, so it takes a tenth of the
 * time of a reading by the lexer. It may be wrong about what a literal is (in a comment, say), so it is
 * believed only where the lexer agreed for a statement with the same skeleton: see `KnownStatements`.
 */
export class StatementSkeleton {
  source: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0
  /** Of the bytes outside the literals (FNV-1a, Fowler, Noll and Vo, http://www.isthe.com/chongo/tech/comp/fnv/). */
  hash = 0
  literalCount = 0
  readonly literalStarts = new Int32Array(MOST_LITERALS)
  readonly literalEnds = new Int32Array(MOST_LITERALS)

  /** False when the statement holds something that only the lexer can tell. */
  read(source: Uint8Array, start: number, end: number, seed: number): boolean {
    if (end - start > LONGEST_BYTES) return false
    this.source = source
    this.start = start
    this.end = end
    this.literalCount = 0
    let hash = 0x811c9dc5 ^ seed
    let previous = 0
    let at = start
    while (at < end) {
      const byte = source[at] as number
      const kind = classes[byte] as number
      let mark = byte
      let next = at + 1
      if ((kind & DIGIT) !== 0 && (previous & JOINS_DIGITS) === 0) {
        next = numberEnd(source, at, end)
        mark = NUMBER_MARK
      } else if (byte === QUOTE) {
        // E'…', N'…' and their kind have rules of their own.
        if ((previous & JOINS_DIGITS) !== 0) return false
        next = stringEnd(source, at, end)
        mark = STRING_MARK
      } else if (byte === DOUBLE_QUOTE || byte === BACKTICK) {
        next = quotedEnd(source, at, end)
        for (let inside = at; inside < next; inside++) {
          hash = Math.imul(hash ^ (source[inside] as number), 0x01000193)
        }
      } else if (byte === BACKSLASH) return false
      if (next < 0) return false
      if (mark !== byte && !this.addLiteral(at, next)) return false
      hash = Math.imul(hash ^ mark, 0x01000193)
      previous = kind
      at = next
    }
    this.hash = hash
    return true
  }

  private addLiteral(start: number, end: number): boolean {
    if (this.literalCount === MOST_LITERALS) return false
    this.literalStarts[this.literalCount] = start
    this.literalEnds[this.literalCount++] = end
    return true
  }
}

/** -1 for numbers in other spellings: `1e5`, `0x1F`, `5.`, `1.2.3`. */
function numberEnd(source: Uint8Array, start: number, end: number): number {
  let at = digitsEnd(source, start, end)
  if (at < end && source[at] === DOT) {
    const fraction = at + 1
    at = digitsEnd(source, fraction, end)
    if (at === fraction) return -1
  }
  return at < end && ((classes[source[at] as number] as number) & JOINS_DIGITS) !== 0 ? -1 : at
}

function digitsEnd(source: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && ((classes[source[at] as number] as number) & DIGIT) !== 0) at++
  return at
}

/** After the quote that ends the string; -1 where there is none, or a backslash before it. */
function stringEnd(source: Uint8Array, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    const byte = source[at]
    if (byte === BACKSLASH) return -1
    if (byte !== QUOTE) continue
    if (at + 1 < end && source[at + 1] === QUOTE) at++
    else return at + 1
  }
  return -1
}

/** After the quote that ends a name. */
function quotedEnd(source: Uint8Array, start: number, end: number): number {
  const quote = source[start]
  for (let at = start + 1; at < end; at++) {
    if (source[at] === BACKSLASH) return -1
    if (source[at] === quote) return at + 1
  }
  return -1
}
