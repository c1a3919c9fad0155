import { PerfloopError } from '../domain/perfloop-error.ts'

export interface RequestRange {
  readonly fromUnixMs: number
  readonly toUnixMs: number
}

const DEFAULT_RANGE_MS = 3_600_000
const LONGEST_RANGE_MS = 366 * 24 * 3_600_000
const DURATION = /^-P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/
const UNIT_MS = [7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1_000] as const

/** `[from, to)`: ISO 8601 instants, or durations before now such as -PT1H. The last hour when left out. */
export function readRange(
  { from, to }: { from?: string | undefined; to?: string | undefined },
  nowUnixMs: number,
): RequestRange {
  const toUnixMs = to === undefined ? nowUnixMs : readInstant('to', to, nowUnixMs)
  const fromUnixMs =
    from === undefined ? toUnixMs - DEFAULT_RANGE_MS : readInstant('from', from, nowUnixMs)
  if (fromUnixMs >= toUnixMs) {
    throw new PerfloopError('INVALID_REQUEST', { problems: ['from: must be before to'] })
  }
  if (toUnixMs - fromUnixMs > LONGEST_RANGE_MS) {
    throw new PerfloopError('INVALID_REQUEST', { problems: ['from: at most 366 days before to'] })
  }
  return { fromUnixMs, toUnixMs }
}

function readInstant(name: string, text: string, nowUnixMs: number): number {
  const duration = DURATION.exec(text)
  if (duration && /\d/.test(text)) {
    const ms = UNIT_MS.reduce(
      (sum, unit, index) => sum + unit * Number(duration[index + 1] ?? 0),
      0,
    )
    return nowUnixMs - ms
  }
  const instant = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(instant) || instant < 0) {
    throw new PerfloopError('INVALID_REQUEST', {
      problems: [
        `${name}: an ISO 8601 instant or a duration before now such as -PT1H, not ${text}`,
      ],
    })
  }
  return instant
}

export function toUnixNs(unixMs: number): bigint {
  return BigInt(Math.round(unixMs)) * 1_000_000n
}

export function isoFromSeconds(unixSeconds: number): string {
  return new Date(unixSeconds * 1_000).toISOString()
}

export function isoFromNs(unixNs: bigint): string {
  return new Date(Number(unixNs / 1_000_000n)).toISOString()
}
