import type { OpenTelemetryStore } from '../open-telemetry-store.ts'

/** Keeps the detail of traces whatever the sampling rate: findings point at them. Ids as 32 hex digits. */
export async function keepTraces(
  store: OpenTelemetryStore,
  traceIds: readonly string[],
  reason: 'slow' | 'failed' | 'critical' | 'finding' = 'finding',
): Promise<void> {
  if (traceIds.length === 0) return
  await store.engine.execute(
    `INSERT INTO kept_traces (trace_id, reason, decided_at)
     SELECT toFixedString(unhex(arrayJoin({trace_ids:Array(String)})), 16), {reason:String}, toDateTime({now_s:UInt32}, 'UTC')`,
    { trace_ids: traceIds, reason, now_s: Math.floor(store.clock.nowUnixMs() / 1_000) },
  )
}
