import {
  CALLABLE,
  findKeyword,
  KEYWORD,
  KEYWORD_FLAGS,
  KEYWORD_TEXT,
  RESERVED,
  WORD_SEED,
  wordStep,
} from './sql-keyword.ts'
import { LITERAL, PLACEHOLDER, QUOTED, type SqlTokens, SYMBOL, WORD } from './sql-tokens.ts'

/** Characters of a normalized statement. What is beyond is in neither the text nor the fingerprint. */
const LONGEST_NORMALIZED = 32_768
const out = Buffer.alloc(LONGEST_NORMALIZED + 64)
/** Where a character lies beyond Latin 1, which is rare: the text is built again in two bytes each. */
const wideOut = new Uint16Array(LONGEST_NORMALIZED + 64)

export interface Rendered {
  readonly normalized: string
  /** How many tokens are in it. */
  readonly tokens: number
}

/**
 * Tokens to readable text with one spelling: keywords in upper case, one space where one belongs, `?` for
 * every value, quotes only around names that need them. The text is built in a buffer of its own, because
 * a string made of slices would keep the whole statement, literals included, alive for as long as it lives.
 */
export function renderStatement(tokens: SqlTokens): Rendered {
  const narrow = write(tokens, out)
  const widest = narrow.widest
  if (widest < 256) {
    return { normalized: out.toString('latin1', 0, narrow.length), tokens: narrow.tokens }
  }
  const { length, tokens: count } = write(tokens, wideOut)
  const bytes = Buffer.from(wideOut.buffer, 0, length * 2)
  return { normalized: bytes.toString('utf16le'), tokens: count }
}

interface Written {
  readonly length: number
  readonly tokens: number
  /** Largest character code. */
  readonly widest: number
}

function write(tokens: SqlTokens, target: Uint8Array | Uint16Array): Written {
  const text = tokens.text
  let length = 0
  let widest = 0
  let isTarget = false
  let index = 0
  for (; index < tokens.count; index++) {
    const start = tokens.start[index] ?? 0
    const end = tokens.end[index] ?? 0
    const kind = tokens.kind[index] ?? 0
    const isValue = kind === LITERAL || kind === PLACEHOLDER
    if (length + (isValue ? 1 : end - start) >= LONGEST_NORMALIZED) break
    const code = tokens.code[index] ?? 0
    if (index > 0 && needsSpace(tokens, index, kind, code, isTarget)) target[length++] = 32

    if (isValue) {
      target[length++] = 63
    } else if (kind === WORD && ((KEYWORD_FLAGS[code] ?? 0) & RESERVED) !== 0) {
      const name = KEYWORD_TEXT[code] ?? ''
      for (let at = 0; at < name.length; at++) target[length++] = name.charCodeAt(at)
    } else {
      const bare = kind === QUOTED && isPlainName(tokens, start, end) ? 1 : 0
      for (let at = start + bare; at < end - bare; at++) {
        const character = text.charCodeAt(at)
        if (character > widest) widest = character
        target[length++] = character
      }
    }
    isTarget =
      kind === WORD && code !== 0 ? isTargetKeyword(code) : isTarget && isNamePart(kind, code)
  }
  return { length, tokens: index, widest }
}

/** `INSERT INTO orders (…)`: a list of columns, not a call. */
function isTargetKeyword(keyword: number): boolean {
  return keyword === KEYWORD.INTO || keyword === KEYWORD.TABLE || keyword === KEYWORD.EXISTS
}

function isNamePart(kind: number, code: number): boolean {
  return kind === WORD || kind === QUOTED || (kind === SYMBOL && code === 46)
}

function needsSpace(
  tokens: SqlTokens,
  index: number,
  kind: number,
  code: number,
  isTarget: boolean,
): boolean {
  const last = index - 1
  const lastKind = tokens.kind[last] ?? 0
  const lastCode = tokens.code[last] ?? 0
  if (lastKind === SYMBOL) {
    if (lastCode === 40 || lastCode === 46 || lastCode === 91) return false
    if (tokens.isDoubleColon(last)) return kind === SYMBOL
  }
  if (kind !== SYMBOL) return true
  if (code === 44 || code === 41 || code === 59 || code === 93) return false
  if (tokens.isDoubleColon(index)) return lastKind === SYMBOL && lastCode !== 41 && lastCode !== 93
  if (code === 46) return lastKind === SYMBOL && lastCode !== 93 && lastCode !== 41
  if (code === 91) {
    return !tokens.isName(last) && !tokens.isKeyword(last, KEYWORD.ARRAY) && lastCode !== 93
  }
  if (code !== 40) return true
  if (lastKind === QUOTED) return isTarget
  if (lastKind !== WORD) return true
  return lastCode === 0
    ? isTarget
    : ((KEYWORD_FLAGS[lastCode] ?? 0) & (CALLABLE | RESERVED)) === RESERVED
}

/** Whether a quoted name means the same without its quotes. */
function isPlainName(tokens: SqlTokens, start: number, end: number): boolean {
  const text = tokens.text
  let hash = WORD_SEED
  const exact = tokens.quotedCaseIsExact
  for (let at = start + 1; at < end - 1; at++) {
    const code = text.charCodeAt(at)
    const lower = code >= 97 && code <= 122
    const upper = code >= 65 && code <= 90
    if (upper ? exact && !tokens.unquotedIsUpper : lower && exact && tokens.unquotedIsUpper)
      return false
    const digit = code >= 48 && code <= 57
    if (!lower && !upper && code !== 95 && !(digit && at > start + 1)) return false
    hash = wordStep(hash, upper ? code | 32 : code)
  }
  return end - start > 2 && findKeyword(text, start + 1, end - 1, hash) === 0
}
