/** One request, as it stands in `performance.log`. */
export interface LoggedRequest {
  /** The path of the URL without its query string, or the route that answered it. */
  readonly route: string
  /** When it was over, Unix milliseconds. */
  readonly unixMs: number
  /** Until the answer was ready. */
  readonly loadMs: number
  readonly queries: number
  readonly databaseMs: number
  readonly renderMs: number
  /** From the first byte of the request to the last one of the answer. */
  readonly totalMs: number
}

const LONGEST_ROUTE = 2_048

/** In whole milliseconds, in the time zone of the process, with its end. */
export function performanceLine(request: LoggedRequest): string {
  const { route, unixMs, loadMs, queries, databaseMs, renderMs, totalMs } = request
  const ms = (value: number) => `${Math.round(value)}ms`
  return (
    `[${localTime(new Date(unixMs))}] INFO - PERFORMANCE | Route: ${oneWord(route)} | Load Time: ${ms(loadMs)} | ` +
    `Queries: ${queries} | DB Time: ${ms(databaseMs)} | Render Time: ${ms(renderMs)} | Total: ${ms(totalMs)}\n`
  )
}

/** What a caller puts into a path can neither end the line nor begin another field. */
function oneWord(route: string): string {
  const cut = route.slice(0, LONGEST_ROUTE)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return cut.replace(/[\s\u0000-\u001f\u007f]/g, encodeURIComponent)
}

function localTime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
