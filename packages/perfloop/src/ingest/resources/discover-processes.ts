import { hostname } from 'node:os'
import type { Clock } from '../../domain/clock.ts'
import { toldProcesses } from '../../store/telemetry/queries/told-processes.query.ts'
import type { TelemetryStore } from '../../store/telemetry/telemetry-store.ts'
import type { WatchedProcess } from './resource-sampler.ts'

const MS_PER_S = 1_000
const ASK_EVERY_MS = 60_000
/** A process that has told nothing for so long may be gone, and its id another's. */
const TOLD_WITHIN_MS = 10 * 60_000

/**
 * Processes of this host that telemetry names, asked of the store once a minute. A host without a name is
 * nobody's: what does not say where it runs would be taken for it.
 */
export function discoverProcesses(
  telemetry: TelemetryStore,
  clock: Clock,
  host = hostname(),
): () => Promise<readonly WatchedProcess[]> {
  let known: readonly WatchedProcess[] = []
  let askedUnixMs = Number.NEGATIVE_INFINITY
  return async () => {
    const nowUnixMs = clock.nowUnixMs()
    if (host === '' || nowUnixMs - askedUnixMs < ASK_EVERY_MS) return known
    askedUnixMs = nowUnixMs
    const since_s = Math.floor((nowUnixMs - TOLD_WITHIN_MS) / MS_PER_S)
    known = await telemetry.run(toldProcesses, { host, since_s })
    return known
  }
}
