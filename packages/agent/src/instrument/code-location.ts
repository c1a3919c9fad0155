const MOST_STATEMENTS = 5_000
const MOST_PLACES = 8
const DEEPEST_STACK = 40

/** By statement, then by the place it was called from (a route). */
const known = new Map<string, Map<unknown, string>>()

/**
 * The line of the application that issued a statement: the first frame outside packages and Node. A stack costs tens
 * of microseconds, so it is taken once for each statement and route, not for each call. Empty where none is found.
 */
export function codeLocation(statement: string, place: unknown): string {
  let places = known.get(statement)
  if (places === undefined) {
    // Statements with their literals inside are as many as their calls: these are not worth a stack each.
    if (known.size >= MOST_STATEMENTS) return ''
    places = new Map()
    known.set(statement, places)
  }
  const found = places.get(place)
  if (found !== undefined) return found
  if (places.size >= MOST_PLACES) return ''
  const location = callingLine()
  places.set(place, location)
  return location
}

function callingLine(): string {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = DEEPEST_STACK
  const { stack } = new Error()
  Error.stackTraceLimit = limit
  for (const line of stack?.split('\n') ?? []) {
    if (line.includes('node_modules') || line.includes('node:') || line.includes(HERE)) continue
    const frame = /^\s+at .*?\(?((?:file:\/\/|\/|[A-Z]:\\).+?):(\d+):\d+\)?$/.exec(line)
    if (frame !== null) return `${(frame[1] ?? '').replace(/^file:\/\//, '')}:${frame[2]}`
  }
  return ''
}

/** The folder of the agent itself, which may be linked from anywhere. */
const HERE = new URL('..', import.meta.url).pathname
