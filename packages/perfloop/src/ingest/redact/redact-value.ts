import type { Redaction } from '../enrich/semantic-keys.ts'
import { fingerprintStatement } from '../fingerprint/fingerprint-statement.ts'
import { redactUrl } from '../fingerprint/redact-url.ts'
import { redactEmails, redactText } from './redact-text.ts'

/** A text value as privacy wants it stored. `drop` is for the caller: such an attribute has no value at all. */
export function redactValue(redaction: Redaction, text: string): string {
  switch (redaction) {
    case 'keep':
      return text
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
