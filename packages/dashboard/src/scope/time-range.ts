export const RANGES = [
  { name: '15m', label: 'Last 15 minutes', duration: 'PT15M', seconds: 900 },
  { name: '1h', label: 'Last hour', duration: 'PT1H', seconds: 3_600 },
  { name: '6h', label: 'Last 6 hours', duration: 'PT6H', seconds: 21_600 },
  { name: '24h', label: 'Last 24 hours', duration: 'PT24H', seconds: 86_400 },
  { name: '7d', label: 'Last 7 days', duration: 'P7D', seconds: 604_800 },
  { name: '30d', label: 'Last 30 days', duration: 'P30D', seconds: 2_592_000 },
] as const
export type RangeName = (typeof RANGES)[number]['name']
export const DEFAULT_RANGE: RangeName = '1h'

/** What the address says: a named range before now, or two instants. Nothing means the default. */
export interface ScopeSearch {
  readonly range?: RangeName | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly env?: string | undefined
  readonly svc?: string | undefined
}

export interface TimeRange {
  readonly label: string
  /** As the API takes it. */
  readonly from: string
  readonly to: string | undefined
  readonly seconds: number
  readonly name: RangeName | 'custom'
  /** How often what is on screen is asked for anew; false for a range that is over. */
  readonly refetchMs: number | false
}

export function readScopeSearch(search: Readonly<Record<string, unknown>>): ScopeSearch {
  const range = RANGES.find(({ name }) => name === search.range)?.name
  const from = readInstant(search.from)
  const to = readInstant(search.to)
  const isCustom = from !== undefined && to !== undefined && from < to
  return {
    ...(isCustom ? { from, to } : range === undefined || range === DEFAULT_RANGE ? {} : { range }),
    ...readText('env', search.env),
    ...readText('svc', search.svc),
  }
}

export function toTimeRange(search: ScopeSearch): TimeRange {
  if (search.from !== undefined && search.to !== undefined) {
    const seconds = (Date.parse(search.to) - Date.parse(search.from)) / 1_000
    return {
      label: `${formatEdge(search.from)} – ${formatEdge(search.to)}`,
      from: search.from,
      to: search.to,
      seconds,
      name: 'custom',
      refetchMs: false,
    }
  }
  const range = RANGES.find(({ name }) => name === (search.range ?? DEFAULT_RANGE)) ?? RANGES[1]
  return {
    label: range.label,
    from: `-${range.duration}`,
    to: undefined,
    seconds: range.seconds,
    name: range.name,
    refetchMs: range.seconds <= 3_600 ? 10_000 : range.seconds <= 86_400 ? 30_000 : 120_000,
  }
}

/** The window of equal length just before: what numbers are compared with. */
export function previousRange(
  range: TimeRange,
  nowUnixMs: number,
): { readonly from: string; readonly to: string } {
  const startMs =
    range.to === undefined ? nowUnixMs - range.seconds * 1_000 : Date.parse(range.from)
  // Whole minutes, so that the question (and its cached answer) stays the same for a minute.
  const toMs = Math.floor(startMs / 60_000) * 60_000
  return {
    from: new Date(toMs - range.seconds * 1_000).toISOString(),
    to: new Date(toMs).toISOString(),
  }
}

function formatEdge(instant: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  }).format(new Date(instant))
}

function readInstant(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const unixMs = Date.parse(value)
  return Number.isNaN(unixMs) ? undefined : new Date(unixMs).toISOString()
}

function readText(name: 'env' | 'svc', value: unknown): Partial<ScopeSearch> {
  return typeof value === 'string' && value !== '' ? { [name]: value } : {}
}
