/**
 * Where the demo's settings differ from Perfloop's own, and why. Nothing is easier to find or to prove with
 * them, only sooner: the analyzers and the verification are the same, on shorter windows.
 */
const DEMO_SETTINGS: readonly {
  readonly key: string
  readonly value: unknown
  readonly why: string
}[] = [
  { key: 'analysis.intervalMs', value: 5_000, why: 'the analyzers look every 5 s' },
  { key: 'analysis.windowMs', value: 120_000, why: 'at the last 2 min' },
  { key: 'analysis.quietMs', value: 90_000, why: 'issues not seen for 90 s are resolved' },
  { key: 'optimizer.intervalMs', value: 2_000, why: 'proposals are made every 2 s' },
  {
    key: 'optimizer.collect.intervalMs',
    value: 10_000,
    why: 'the database is asked for plans every 10 s',
  },
  {
    key: 'optimizer.verification.beforeMs',
    value: 90_000,
    why: 'an effect is judged against the 90 s before it',
  },
  {
    key: 'optimizer.verification.measurementDelayMs',
    value: 10_000,
    why: 'measurements of the shop, which exports twice a second, are complete after 10 s',
  },
  {
    key: 'optimizer.verification.looksMs',
    value: [30_000, 60_000, 90_000],
    why: 'and looked at 30 s, 60 s and 90 s after it',
  },
  {
    key: 'optimizer.verification.blockMs',
    value: 2_000,
    why: 'in blocks of 2 s',
  },
]

/** As flags for `loadSettings`. */
export function demoSettingFlags(): Readonly<Record<string, unknown>> {
  return Object.fromEntries(DEMO_SETTINGS.map(({ key, value }) => [key, value]))
}

export function describeDemoSettings(): string {
  return DEMO_SETTINGS.map(({ why }) => why).join(', ')
}
