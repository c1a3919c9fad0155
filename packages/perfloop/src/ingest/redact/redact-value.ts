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

export const SHORTEST_STATEMENT = 16
const MAY_BE_VALUE = /['"$\d]/
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
]
const STATEMENT = new RegExp(`${LEAD}(?:${CLAUSES.join('|')})`, 'isy')

/** Behind white space, parentheses and comments. */
function wordsStart(text: string): number {
  let at = 0
  for (;;) {
    const code = text.charCodeAt(at)
    let end = at
    if (code <= 32 || code === 40) end = at + 1
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
    case 0x2f2a: // /*
    case 0x2d2d: // --
      return true
    default:
      return first <= 32 || first === 40
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
