import type { Loader } from '../ingest/spool/loader.ts'
import { limitDisk } from '../store/telemetry/jobs/limit-disk.ts'
import { createMeasurementJob } from '../store/telemetry/jobs/measure-settled-traces.ts'
import { removeExpired } from '../store/telemetry/jobs/remove-expired.ts'
import { createSamplingJob } from '../store/telemetry/jobs/sample-traces.ts'
import type { OpenTelemetryStore } from '../store/telemetry/open-telemetry-store.ts'
import type { LoopParts } from './loop.ts'

export type StoreJobs = LoopParts['store'] & {
  /** Spans that came after their trace had been kept or dropped, since the start. */
  lateSpans(): number
}

/** The jobs over received spans, each told how far the one before it has come. */
export function createStoreJobs(store: OpenTelemetryStore, loader: Loader): StoreJobs {
  const { clock, settings } = store
  /** What was received before this is in the store: older than the open segment, and than what waits. */
  const loadedUntilUnixMs = async () => {
    const { lag } = await loader.statistics()
    const { segmentMaxAgeMs, busyMaxAgeMs } = settings.ingest.spool
    return clock.nowUnixMs() - lag.oldestAgeMs - Math.max(segmentMaxAgeMs, busyMaxAgeMs)
  }
  const measurement = createMeasurementJob(store, loadedUntilUnixMs)
  const sampling = createSamplingJob(store)
  let measuredUntilUnixMs = 0
  let late = 0
  return {
    async measure() {
      const progress = await measurement.run()
      measuredUntilUnixMs = progress.measuredUntilUnixMs
    },
    async sample() {
      // Before anything is measured nothing may be decided.
      if (measuredUntilUnixMs === 0) return
      const { lateSpans } = await sampling.run(measuredUntilUnixMs)
      late += lateSpans
    },
    lateSpans: () => late,
    async retain() {
      await removeExpired(store)
    },
    limitDisk: () => limitDisk(store),
  }
}
