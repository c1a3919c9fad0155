import type { Redaction } from '../enrich/semantic-keys.ts'
import { fingerprintStatement } from '../fingerprint/fingerprint-statement.ts'
import { redactUrl } from '../fingerprint/redact-url.ts'
import { redactEmails, redactText } from './redact-text.ts'

/** A text value as privacy wants it stored. `drop` is for the caller: such an attribute has no value at all. */
export function redactValue(redaction: Redaction, text: string): string {
  switch (redaction) {
    case 'keep':
      return redactKept(text)
    case 'drop':
      return ''
    case 'statement':
      return redactEmails(fingerprintStatement(text, 'postgresql').normalized)
    case 'document':
      // MySQL's lexer takes what is in double quotes for a value.
      return redactEmails(fingerprintStatement(text, 'mysql').normalized)
    case 'url':
      return redactEmails(redactUrl(text))
    case 'query':
      return redactUrl(`?${text.startsWith('?') ? text.slice(1) : text}`).slice(1)
    case 'path':
      return redactEmails(text)
    case 'text':
      return redactText(text)
  }
}

/**
 * A text under a key that nobody has registered: a statement in it goes without its values, whatever the key is
 * called. The rest is as it was sent.
 */
export function redactKept(text: string): string {
  if (text.length < SHORTEST_STATEMENT || !MAY_BE_VALUE.test(text)) return text
  STATEMENT.lastIndex = wordsStart(text)
  if (!STATEMENT.test(text)) return text
  return redactEmails(fingerprintStatement(text, 'unknown').normalized)
}

/** `SET a='x'` */
export const SHORTEST_STATEMENT = 9
const MAY_BE_VALUE = /['"$\d]/
/** Words of whoever ran it: `Executing (default): SELECT …` is Sequelize's, `Hibernate: select …` Hibernate's. */
const TOLD = String.raw`(?:(?:execut(?:e|ed|ing)|r[au]n(?:ning)?|perform(?:ed|ing)|prepar(?:e|ed|ing)|failed|slow|query|sql|statement|hibernate)(?:\s*\([^()]{0,64}\))?(?:\s*:\s*|\s+))`
/** What may stand before a statement and belongs to it. */
const LEAD = String.raw`(?:explain\s+(?:(?:analy[sz]e|verbose|extended|query\s+plan|format\s*=\s*\w+)\s+|\([^)]*\)\s*)*|(?:begin|start)(?:\s+(?:transaction|work))?\s*;\s*)?`
/** Verb and clause: the sentence `Update the cart` has the one and not the other. A backtick is \x60. */
const CLAUSES = [
  String.raw`select\b.+\bfrom\b`,
  String.raw`select\s+(?:\d+|'[^']*')\s*(?:$|[,;]|\/\*|--|(?:as|where)\b)`,
  String.raw`(?:insert|replace)\s+(?:(?:or\s+\w+|ignore|low_priority|high_priority|delayed)\s+)*into\s+\S.*\b(?:values|select|set)\b`,
  String.raw`(?:insert|replace)\s+(?:ignore\s+)?[^\s(]+\s*(?:\([^)]*\)\s*)?(?:values\s*\(|set\s+\S+\s*=)`,
  String.raw`update\s+\S.*?\bset\s+\S+\s*=`,
  String.raw`delete\s+(?:from\s+\S|\S+\s+where\s+\S+\s*[=<>])`,
  String.raw`merge\s+(?:into\s+\S|\S+(?:\s+(?:as\s+)?\w+)?\s+using\b)`,
  String.raw`with\s+(?:recursive\s+)?(?:"[^"]*"|[\w"\x60]+)\s*(?:\([^)]*\)\s*)?as\s*\(`,
  String.raw`(?:call|exec|execute)\s+[\w."\x60[\]]+\s*[(@'\d]`,
  String.raw`values\s*\(`,
  String.raw`(?:create|alter)\s+(?:user|role|login)\s.+\b(?:password|identified)\b`,
  // Of a session: the application's own settings carry who is served (`SET app.user = 'ada'`).
  String.raw`set\s+(?:(?:session|local|global|persist)\s+)?[\w.@"\x60]+\s*:?=`,
  String.raw`set\s+(?:(?:session|local)\s+)?[\w."]+\s+to\s+(?:'|\d+\s*(?:$|;))`,
  String.raw`do\s+(?:language\s+\w+\s+)?(?:\$\w*\$|')`,
  String.raw`(?:create|alter)\s+(?:or\s+replace\s+)?(?:function|procedure)\s.+\$\w*\$`,
]
const STATEMENT = new RegExp(`${TOLD}{0,3}["'\\x60]?${LEAD}(?:${CLAUSES.join('|')})`, 'isy')

const BYTE_ORDER_MARK = 0xfeff

/** Behind white space, a byte order mark, parentheses and comments. */
function wordsStart(text: string): number {
  let at = 0
  for (;;) {
    const code = text.charCodeAt(at)
    let end = at
    if (code <= 32 || code === 40 || code === BYTE_ORDER_MARK) end = at + 1
    else if (text.startsWith('/*', at)) end = text.indexOf('*/', at) + 2
    else if (text.startsWith('--', at)) end = text.indexOf('\n', at) + 1
    if (end <= at) return at
    at = end
  }
}

/** Whether a statement may begin with these two bytes: told before a string is made of them. */
export function mayBeginStatement(first: number, second: number): boolean {
  switch (((first | 32) << 8) | (second | 32)) {
    case 0x7365: // se
    case 0x696e: // in
    case 0x7265: // re
    case 0x7570: // up
    case 0x6465: // de
    case 0x6d65: // me
    case 0x7769: // wi
    case 0x6361: // ca
    case 0x6578: // ex
    case 0x6265: // be
    case 0x7374: // st
    case 0x7661: // va
    case 0x6372: // cr
    case 0x616c: // al
    case 0x646f: // do
    case 0x7275: // ru
    case 0x7261: // ra
    case 0x7065: // pe
    case 0x7072: // pr
    case 0x6661: // fa
    case 0x736c: // sl
    case 0x7175: // qu
    case 0x7371: // sq
    case 0x6869: // hi
    case 0x2f2a: // /*
    case 0x2d2d: // --
      return true
    default:
      // 0xef begins the byte order mark.
      return first <= 32 || first === 40 || first === 0xef
  }
}

/** A statement, or enough of one to hold a literal, where a name should be. */
const STATEMENT_AS_NAME =
  /^\W*(?:\w+[ :.]){0,2}(?:select|insert|update|delete|merge|replace|with|call|exec|execute|create|alter|drop|set)\b[\s\S]*['"=(\d]/i

/** Span names are written by programmers, but some put the statement or the whole URL in. */
export function redactName(name: string): string {
  if (name.length > 16 && STATEMENT_AS_NAME.test(name)) {
    return redactEmails(fingerprintStatement(name, 'postgresql').normalized)
  }
  return redactEmails(name.includes('?') || name.includes('://') ? redactUrl(name) : name)
}
