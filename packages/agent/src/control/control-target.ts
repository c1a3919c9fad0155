import type { Certificates } from '../export/connection.ts'
import { timeOrigin } from '../own-clock.ts'

/** Where the server's `/agent/v1` is, and as whom we speak there. */
export interface ControlTarget {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly certificates: Certificates
  readonly identity: {
    readonly service: string
    readonly environment: string | undefined
    readonly instance: string
    readonly host: string
    readonly processId: number
    readonly startedAt: string
  }
}

const TRACES_PATH = '/v1/traces'

/** Next to where spans go; an address that is not OTLP's own has nothing beside it. */
export function controlTarget({
  tracesUrl,
  headers,
  timeoutMs,
  certificates,
  resource,
}: {
  readonly tracesUrl: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly certificates: Certificates
  readonly resource: Readonly<Record<string, string | number>>
}): ControlTarget | undefined {
  const { origin, pathname } = new URL(tracesUrl)
  if (!pathname.endsWith(TRACES_PATH)) return undefined
  const text = (key: string) => (resource[key] === undefined ? undefined : String(resource[key]))
  return {
    url: `${origin}${pathname.slice(0, -TRACES_PATH.length)}/agent/v1`,
    headers,
    timeoutMs,
    certificates,
    identity: {
      service: text('service.name') ?? '',
      environment: text('deployment.environment.name') ?? text('deployment.environment'),
      instance: text('service.instance.id') ?? '',
      host: text('host.name') ?? '',
      processId: process.pid,
      startedAt: isoTime(new Date(timeOrigin)),
    },
  }
}

/** As `toISOString`, for which V8 would keep four megabytes of a library in memory. */
function isoTime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const day = [date.getUTCFullYear(), two(date.getUTCMonth() + 1), two(date.getUTCDate())]
  const time = [two(date.getUTCHours()), two(date.getUTCMinutes()), two(date.getUTCSeconds())]
  return `${day.join('-')}T${time.join(':')}.${String(date.getUTCMilliseconds()).padStart(3, '0')}Z`
}
