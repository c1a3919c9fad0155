/**
 * Takes out of free text (messages of exceptions, log bodies, status messages) what tells of a person or
 * opens a door: e-mail addresses, bearer and similar tokens, passwords in URLs and settings, parameters of
 * URLs, numbers long enough for a card, a telephone or a national identity, and the literals that
 * databases quote in their errors. What is left still says what went wrong, and where.
 *
 * Linear in the length of the text: every expression is bounded or cannot fall back.
 */
export const REDACTED = '[redacted]'

const EMAIL =
  /[\p{L}\p{N}._%+-]{1,64}(?:@|%40)(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}[\p{L}\p{N}-]{1,62}/gu
const AUTHORIZATION = /\b(bearer|basic|digest|token|apikey|api-key)\s+[A-Za-z0-9._~+/=-]{8,}/gi
/** Of any length where it begins a word; behind a hyphen each `eyJ` might begin one, and so its first part has a bound. */
const JSON_WEB_TOKEN =
  /(?:(?<![\w-])eyJ[A-Za-z0-9_-]{8,}|\beyJ[A-Za-z0-9_-]{8,1024})\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?/g
const SECRET =
  /\b(pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|auth(?:orization)?|cookie|session(?:id)?|ssn|national[-_]?id)(["']?\s{0,3}[:=]\s{0,3})(["']?)(?!\[redacted\])[^\s"',;&})\]]{1,256}\3/gi
/** `--password hunter2` */
const OPTION = /(--?[\w-]{0,32}(?:password|passwd|token|secret|api-?key)\s{1,3})[^\s-]\S{0,256}/gi
const URL_WITH_USER = /\b([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@"'<>]{1,256}@/gi
const URL_PARAMETERS = /([?&;][\w.[\]%-]{1,64}=)[^&\s"'<>#]{1,2048}/g
/** `Key (email)=(a@b.c) already exists`, PostgreSQL's way to name the culprit. */
const KEY_DETAIL =
  /(\bKey\s+\([^()]{1,256}\)=\()[^\n]{0,1024}?(\)(?:\s+(?:already|is not|is still|conflicts|references)|\.|$))/g
/** The same of SQL Server (`The duplicate key value is (a@b.c).`), of MongoDB, and SQLAlchemy's parameters. */
const OTHER_DETAIL = /(\bkey value is \(|\bdup key: \{|\[parameters: )[^\n]*/gi
const FAILING_ROW = /(Failing row contains \()[^\n]*/g
/** Words of databases and mappers before a statement; the literals behind are the application's data. */
const STATEMENT_NEAR =
  /\b(?:select|insert\s+into|update|delete\s+from|values|where|syntax|duplicate entry|invalid input|incorrect|truncated|constraint|column|violates|sql|parameters)\b/i
const QUOTED =
  /'(?:[^'\\]|\\.|''){1,4096}'|(?<=\b(?:input syntax[^\n"]{0,80}: |duplicate entry |truncation: value |truncated[^\n"]{0,20} value: ))"[^"\n]{1,4096}"/gi
/** Seven digits or more, also in groups: national identities, cards, telephones, accounts; dates stay. */
const LONG_NUMBER =
  /(?<![\w.:-])(?!\d{4}-\d{2}-\d{2}(?![\d-]))\+?\d(?:[ .-]?\d){6,30}(?![\w:-])|\d{9,}/g
const GROUPED_IDENTITY = /(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)|(?<!\d)\d{6}[-+]\d{3,4}[\dA-Z]?(?!\d)/g

export function redactText(text: string): string {
  if (!mayHoldSecret(text)) return text
  let redacted = text
  if (redacted.includes('://')) redacted = redacted.replace(URL_WITH_USER, '$1')
  redacted = redacted.replace(AUTHORIZATION, `$1 ${REDACTED}`).replace(JSON_WEB_TOKEN, REDACTED)
  if (redacted.includes('-')) redacted = redacted.replace(OPTION, `$1${REDACTED}`)
  if (redacted.includes('=') || redacted.includes(':')) {
    redacted = redacted.replace(SECRET, `$1$2$3${REDACTED}$3`)
  }
  if (redacted.includes('=')) {
    redacted = redacted.replace(URL_PARAMETERS, '$1?').replace(KEY_DETAIL, '$1?$2')
  }
  redacted = redacted.replace(FAILING_ROW, '$1?)').replace(OTHER_DETAIL, '$1?')
  if (STATEMENT_NEAR.test(redacted)) redacted = redacted.replace(QUOTED, '?')
  redacted = redactEmails(redacted)
  return redacted.replace(GROUPED_IDENTITY, REDACTED).replace(LONG_NUMBER, REDACTED)
}

/** For paths and names: only what cannot be anything else. */
export function redactEmails(text: string): string {
  return text.includes('@') || text.includes('%40') ? text.replace(EMAIL, REDACTED) : text
}

/** Plain words are the common case and cost one pass: without a digit, quote or sign nothing is at stake. */
function mayHoldSecret(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 48 && code <= 57) return true
    switch (code) {
      case 34: // "
      case 37: // %
      case 39: // '
      case 40: // (
      case 58: // :
      case 61: // =
      case 64: // @
        return true
    }
  }
  return /bearer|basic|token|eyJ|-(?:\w*-)?(?:passw|secret|api-?key)/i.test(text)
}
