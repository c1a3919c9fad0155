import { ACTIVE_STATUSES } from '../api/active-issues.ts'
import type { Health } from '../api/contract/config.ts'
import type { ComputedTopic } from '../api/live/live-hub.ts'
import { type LiveTopicSource, listTopic, wholeTopic } from '../api/live/live-topic.ts'
import { measureOverview, type Stores } from '../api/measure-overview.ts'
import { toIssue } from '../api/present-issue.ts'
import { toOptimization } from '../api/present-optimization.ts'
import { toProfile } from '../api/present-profile.ts'
import { readRuntimeInstances } from '../api/runtime/read-runtime.ts'
import type { Clock } from '../domain/clock.ts'
import type { ControlStore, IssueRecord } from '../store/control/control-store.ts'

const OVERVIEW_MS = 3_600_000
/** Of those who have not told for longer there is no news. */
const LATELY_MS = 600_000
const MOST_ACTIVE = 200
const MOST_RECENT = 100
const LONGEST_PROFILE_MS = 3_600_000

/** What each computed live topic is: the same values that the API answers, for all scopes. */
export function liveSources(
  stores: Stores,
  health: () => Promise<Health>,
  clock: Clock,
): Readonly<Record<ComputedTopic, LiveTopicSource<unknown>>> {
  return {
    overview: wholeTopic<'overview'>(async () => {
      const toUnixMs = clock.nowUnixMs()
      const range = { fromUnixMs: toUnixMs - OVERVIEW_MS, toUnixMs }
      return { overview: await measureOverview(stores, {}, range) }
    }),
    issues: listTopic('issues', async () => (await readIssues(stores.control)).map(toIssue)),
    optimizations: listTopic('optimizations', async () => {
      const { rows } = await stores.control.optimizations.list({ limit: MOST_ACTIVE, offset: 0 })
      return rows.map(toOptimization)
    }),
    profiles: listTopic('profiles', async () => {
      // By then it was received or given up.
      const since = new Date(clock.nowUnixMs() - LONGEST_PROFILE_MS).toISOString()
      const filter = { origin: 'request', since, limit: MOST_RECENT, offset: 0 } as const
      return (await stores.control.profiles.list(filter)).rows.map(toProfile)
    }),
    runtime: wholeTopic<'runtime'>(async () => {
      const toUnixMs = clock.nowUnixMs()
      const range = { fromUnixMs: toUnixMs - LATELY_MS, toUnixMs }
      const page = { limit: MOST_RECENT, offset: 0 }
      const { instances } = await readRuntimeInstances(stores.telemetry, {}, range, page)
      return { instances }
    }),
    health: wholeTopic<'health'>(async () => ({ health: await health() })),
  }
}

/** The most urgent active ones, and the latest of any status: one that was just resolved must be told too. */
async function readIssues({ issues }: ControlStore): Promise<readonly IssueRecord[]> {
  const [active, recent] = await Promise.all([
    issues.list({ statuses: ACTIVE_STATUSES, sort: 'severity', limit: MOST_ACTIVE, offset: 0 }),
    issues.list({ sort: 'recent', limit: MOST_RECENT, offset: 0 }),
  ])
  const byId = new Map([...active.rows, ...recent.rows].map(issue => [issue.id, issue]))
  return [...byId.values()]
}
