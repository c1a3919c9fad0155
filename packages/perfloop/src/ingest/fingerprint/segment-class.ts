/**
 * Tells the parts of a path or span name that name one thing (an id, a hash, a date) from the words
 * that name a kind of thing. Wrong guesses cost differently: an id kept as a word makes a new operation
 * for every request, a word taken for an id hides an operation. The limits below keep every word we met
 * in real routes, and fold what has the entropy of an identifier.
 */
export type SegmentClass = 'word' | 'id' | 'date' | 'email' | 'ip'

/** Shortest run of hexadecimal digits (with a decimal digit and a letter in it) that is taken for an id. */
const SHORTEST_MIXED_HEX = 8
/** Hexadecimal strings of this length need no mixture: no English word is that long in a–f alone. */
const SHORTEST_PLAIN_HEX = 16
/** Letters and digits change sides this often only in random text: `OAuth2Callback` changes four times. */
const FEWEST_RANDOM_CHANGES = 6
const SHORTEST_RANDOM = 10
/** A word of the Latin alphabet or a dotted method name hardly ever has this many characters. */
const LONGEST_WORD = 80

interface Shape {
  digits: number
  lowers: number
  uppers: number
  hexLetters: number
  dashes: number
  underscores: number
  dots: number
  commas: number
  others: number
  at: number
  /** How often neighbours are of different kinds among lower case, upper case and digits. */
  changes: number
}

/** Classifies `text` without its neighbours. `text` is decoded already. */
export function classifySegment(text: string): SegmentClass {
  const length = text.length
  if (length === 0) return 'word'

  const shape = shapeOf(text)
  if (shape.at > 0 && text.indexOf('.', shape.at) > 0) return 'email'
  if (shape.digits === length) return 'id'
  if (shape.digits === 0) return length > LONGEST_WORD && shape.dots === 0 ? 'id' : 'word'
  if (isUuid(text, shape)) return 'id'
  if (isDate(text, shape)) return 'date'
  if (shape.dots === 3 && shape.digits + 3 === length && length <= 15) return 'ip'
  if (isNumber(text, shape)) return 'id'
  if (isHex(length, shape) || isUlid(text, shape) || isRandom(length, shape)) return 'id'
  if (length > LONGEST_WORD && shape.dots === 0) return 'id'
  return 'word'
}

function shapeOf(text: string): Shape {
  const shape: Shape = {
    digits: 0,
    lowers: 0,
    uppers: 0,
    hexLetters: 0,
    dashes: 0,
    underscores: 0,
    dots: 0,
    commas: 0,
    others: 0,
    at: 0,
    changes: 0,
  }
  let before = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    let kind = 0
    if (code >= 48 && code <= 57) {
      shape.digits++
      kind = 1
    } else if (code >= 97 && code <= 122) {
      shape.lowers++
      kind = 2
      if (code <= 102) shape.hexLetters++
    } else if (code >= 65 && code <= 90) {
      shape.uppers++
      kind = 3
      if (code <= 70) shape.hexLetters++
    } else if (code === 45) shape.dashes++
    else if (code === 95) shape.underscores++
    else if (code === 46) shape.dots++
    else if (code === 44) shape.commas++
    else if (code === 64 && i > 0) shape.at = i
    else shape.others++
    if (kind !== 0 && before !== 0 && kind !== before) shape.changes++
    if (kind !== 0) before = kind
  }
  return shape
}

/** 8-4-4-4-12 hexadecimal digits (RFC 9562), or the same in braces. */
function isUuid(text: string, shape: Shape): boolean {
  if (shape.dashes !== 4 || shape.digits + shape.hexLetters !== 32) return false
  const start = text.charCodeAt(0) === 123 ? 1 : 0
  if (text.length !== 36 + 2 * start) return false
  return (
    text.charCodeAt(start + 8) === 45 &&
    text.charCodeAt(start + 13) === 45 &&
    text.charCodeAt(start + 18) === 45 &&
    text.charCodeAt(start + 23) === 45
  )
}

/** 2026-11-21, 2026-11, 2026_11_21, 2026-11-21T10:15:00Z. */
function isDate(text: string, shape: Shape): boolean {
  if (text.length < 7 || text.length > 35) return false
  const separator = text.charCodeAt(4)
  if ((separator !== 45 && separator !== 95) || !isDigits(text, 0, 4) || !isDigits(text, 5, 7)) {
    return false
  }
  const century = text.charCodeAt(0) - 48
  if (century !== 1 && century !== 2) return false
  if (text.length === 7) return shape.digits === 6
  if (text.charCodeAt(7) !== separator || !isDigits(text, 8, 10)) return false
  return text.length === 10 || text.charCodeAt(10) === 84 || text.charCodeAt(10) === 32
}

function isDigits(text: string, from: number, to: number): boolean {
  if (text.length < to) return false
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i)
    if (code < 48 || code > 57) return false
  }
  return true
}

/** -42, 12.5, 52.52,13.40; versions such as 1.0 and 2.10.3 are words. */
function isNumber(text: string, shape: Shape): boolean {
  if (shape.lowers + shape.uppers + shape.underscores > 0) return false
  if (shape.others > 0 || shape.at > 0) return false
  if (shape.commas > 0) return true
  if (shape.dashes > 0) return shape.dots <= 1
  return shape.dots === 1 && text.length > 7
}

function isHex(length: number, shape: Shape): boolean {
  if (shape.digits + shape.hexLetters !== length) return false
  if (shape.uppers > 0 && shape.lowers > 0) return length >= SHORTEST_PLAIN_HEX
  return length >= SHORTEST_MIXED_HEX
}

/** ULID: 26 characters of Crockford's alphabet in one case, beginning with 0–7. */
function isUlid(text: string, shape: Shape): boolean {
  const first = text.charCodeAt(0)
  return (
    text.length === 26 &&
    first >= 48 &&
    first <= 55 &&
    (shape.uppers === 0 || shape.lowers === 0) &&
    shape.digits + shape.lowers + shape.uppers === 26
  )
}

/** Base64-like keys, nanoids, short-link ids: letters of both cases or digits in quick alternation. */
function isRandom(length: number, shape: Shape): boolean {
  if (length < SHORTEST_RANDOM || shape.others > 0 || shape.dots > 2) return false
  const alphanumeric = shape.digits + shape.lowers + shape.uppers
  const separators = shape.dashes + shape.underscores + shape.dots
  if (separators * 5 > alphanumeric) return false
  return shape.changes >= FEWEST_RANDOM_CHANGES && shape.changes * 4 >= alphanumeric
}
