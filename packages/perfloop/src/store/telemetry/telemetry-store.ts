import type { ParamsOf, Query, RowOf } from './query.ts'

/** What the rest of Perfloop may ask of the telemetry plane. */
export interface TelemetryStore {
  /** Runs one declared query; rows come back parsed and branded, or it throws a PerfloopError. */
  run<Q extends Query>(query: Q, params: ParamsOf<Q>): Promise<readonly RowOf<Q>[]>
}
