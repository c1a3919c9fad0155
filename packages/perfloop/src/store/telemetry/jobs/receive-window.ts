import type { OpenTelemetryStore } from '../open-telemetry-store.ts'
import { watermark } from '../queries/watermark.query.ts'

/** Half-open, by receive time, in Unix seconds: that is the resolution of `received_at`. */
export interface ReceiveWindow {
  readonly fromS: number
  readonly toS: number
}

export async function lastWindow(
  store: OpenTelemetryStore,
  job: string,
): Promise<ReceiveWindow | undefined> {
  const [row] = await store.run(watermark, { job })
  return row === undefined ? undefined : { fromS: row.from_s, toS: row.to_s }
}

/** Where a job stands, for whoever comes after a crash. */
export async function noteWindow(
  store: OpenTelemetryStore,
  job: string,
  window: ReceiveWindow,
): Promise<void> {
  await store.engine.execute(
    'INSERT INTO watermarks (job, from_s, to_s) SELECT {job:String}, {from_s:UInt32}, {to_s:UInt32}',
    { job, from_s: window.fromS, to_s: window.toS },
  )
}
