// What a page's Content-Security-Policy lets run: https://www.w3.org/TR/CSP3/#directive-script-src

/** The sources of scripts; undefined where nothing is said of them. Of several policies the most is asked of each. */
function sourcesOf(policy: string): string[] | undefined {
  const directives = new Map(
    policy.split(';').map(directive => {
      const [name = '', ...sources] = directive.trim().split(/\s+/)
      return [name.toLowerCase(), sources] as const
    }),
  )
  return ['script-src-elem', 'script-src', 'default-src']
    .map(name => directives.get(name))
    .find(sources => sources !== undefined)
}

export function noncesOf(policy: string | undefined): string[] {
  const sources = policy === undefined ? [] : (sourcesOf(policy) ?? [])
  return sources.flatMap(source => /^'nonce-([\w+/=-]+)'$/.exec(source)?.[1] ?? [])
}

/** Whether a script of the page's own origin may run, by itself or with the nonce of the page. */
export function scriptIsAllowed(policy: string | undefined): boolean {
  if (policy === undefined) return true
  // More than one policy: a nonce of one is unknown to the other.
  if (policy.includes(',')) return false
  const sources = sourcesOf(policy)
  if (sources === undefined || noncesOf(policy).length > 0) return true
  return (
    !sources.includes("'strict-dynamic'") &&
    sources.some(source => ["'self'", '*'].includes(source))
  )
}
