import { stabilityOf } from '../../analyzers/memory-leak/stability.ts'
import type { Settings } from '../../settings/settings.ts'
import { memoryFloors } from '../../store/telemetry/queries/memory-floors.query.ts'
import type { TelemetryStore } from '../../store/telemetry/telemetry-store.ts'
import type { RuntimeMemory, RuntimeMemoryParams } from '../contract/runtime.ts'

/** Few enough to be quick, enough that the ends of a day are known within minutes. */
const STEPS = 288

export async function readMemoryStability(
  telemetry: TelemetryStore,
  scope: RuntimeMemoryParams,
  options: Settings['analyzers']['memoryLeak'],
  nowS: number,
): Promise<RuntimeMemory[]> {
  const step_s = Math.max(1, Math.round(options.stabilityMs / 1_000 / STEPS))
  // The first and the last may be parts of a step: they are left out, and a sender may be some minutes behind.
  const from_s = nowS - (STEPS + 4) * step_s
  const rows = await telemetry.run(memoryFloors, {
    ...scope,
    earlier_s: from_s,
    from_s,
    to_s: nowS,
    step_s,
    alive_s: nowS - Math.round(options.endedMs / 1_000),
    min_growth_bytes: options.minGrowthBytes,
    max_rows: options.maxRows,
  })
  return rows.map(({ instance, what, times_s, lows }) => {
    const whole = { times: times_s.slice(1, -1), lows: lows.slice(1, -1) }
    const { verdict, observedSeconds, slope } = stabilityOf(whole, options)
    return {
      instance,
      of: what === 'heap_floor' ? 'heap' : 'resident',
      verdict,
      over_seconds: options.stabilityMs / 1_000,
      observed_seconds: observedSeconds,
      level_bytes: slope?.levelBytes ?? null,
      growth_bytes_per_hour: slope?.bytesPerHour ?? null,
      growth_bytes_per_hour_low: slope?.lowBytesPerHour ?? null,
      growth_bytes_per_hour_high: slope?.highBytesPerHour ?? null,
    }
  })
}
