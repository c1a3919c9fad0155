/** Where a parameter was: `?`, `$1`, `:id`, `%s`, `@id`. */
const PLACEHOLDER = /\?|\$\d|:\w|%s|%\(|@\w/

export function hasPlaceholder(text: string): boolean {
  return PLACEHOLDER.test(text)
}

const READS = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE'])

export function isRead(verb: string): boolean {
  return READS.has(verb.toUpperCase())
}
