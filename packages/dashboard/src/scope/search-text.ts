/** Plain `a=b` addresses instead of the router's JSON, so that people can read, write and share them. */
export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text))
}

export function stringifySearch(search: Readonly<Record<string, unknown>>): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== '') params.set(name, String(value))
  }
  // Slashes and colons are legal in a query and make `op=GET /orders/:id` readable.
  const readable = params.toString().replaceAll('%2F', '/').replaceAll('%3A', ':')
  return readable === '' ? '' : `?${readable}`
}
