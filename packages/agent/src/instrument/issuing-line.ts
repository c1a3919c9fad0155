const MOST_STATEMENTS = 5_000
const MOST_STATEMENT_CHARACTERS = 2 * 1024 * 1024
const MOST_PLACES = 8
const DEEPEST_STACK = 40

/** What is told of a statement each time it is issued, found out once. */
export interface KnownText {
  readonly text: string
  /** Its verb, which is all that can be told without reading it; the server finds its tables. */
  readonly name: string
  /** The last place it was issued from, and the line there: mostly it is always the same one. */
  lastPlace: unknown
  lastLine: CodeLine
  readonly lines: Map<unknown, CodeLine>
}

export interface CodeLine {
  /** Undefined where none was found. */
  readonly file: string | undefined
  readonly line: number
}

const NO_LINE: CodeLine = { file: undefined, line: Number.NaN }
const NOWHERE = Symbol('nowhere yet')

const known = new Map<string, KnownText>()
let characters = 0

export function knownText(text: string): KnownText {
  const found = known.get(text)
  if (found !== undefined) return found
  const made = {
    text,
    name: verbOf(text),
    lastPlace: NOWHERE,
    lastLine: NO_LINE,
    lines: new Map<unknown, CodeLine>(),
  }
  // Statements with their literals inside are as many as their calls: these are not worth being remembered.
  if (known.size < MOST_STATEMENTS && characters < MOST_STATEMENT_CHARACTERS) {
    known.set(text, made)
    characters += text.length
  }
  return made
}

/**
 * The line of the application that issued a statement: the first frame outside packages and Node. A stack costs tens
 * of microseconds, so it is taken once for each statement and place (a route), not for each call.
 */
export function issuingLine(statement: KnownText, place: unknown): CodeLine {
  if (statement.lastPlace === place) return statement.lastLine
  let line = statement.lines.get(place)
  if (line === undefined) {
    if (statement.lines.size >= MOST_PLACES || !known.has(statement.text)) return NO_LINE
    line = callingLine()
    statement.lines.set(place, line)
  }
  statement.lastPlace = place
  statement.lastLine = line
  return line
}

function callingLine(): CodeLine {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = DEEPEST_STACK
  const { stack } = new Error()
  Error.stackTraceLimit = limit
  for (const line of stack?.split('\n') ?? []) {
    if (line.includes('node_modules') || line.includes('node:') || line.includes(HERE)) continue
    const frame = /^\s+at .*?\(?((?:file:\/\/|\/|[A-Z]:\\).+?):(\d+):\d+\)?$/.exec(line)
    if (frame !== null) {
      return { file: (frame[1] ?? '').replace(/^file:\/\//, ''), line: Number(frame[2]) }
    }
  }
  return NO_LINE
}

/** The folder of the agent itself, which may be linked from anywhere. */
const HERE = new URL('..', import.meta.url).pathname

function verbOf(text: string): string {
  return /^\s*([A-Za-z]{1,16})/.exec(text)?.[1]?.toUpperCase() ?? 'SQL'
}
