import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Analysis, createAnalysis } from '../../packages/perfloop/src/analysis/analysis.ts'
import type { Analyzer } from '../../packages/perfloop/src/analysis/analyzer.ts'
import { silentLogger } from '../../packages/perfloop/src/domain/logger.ts'
import { createIngestBuffer } from '../../packages/perfloop/src/ingest/columns/create-ingest-buffer.ts'
import { defaultSettings, type Settings } from '../../packages/perfloop/src/settings/settings.ts'
import type { ControlStore } from '../../packages/perfloop/src/store/control/control-store.ts'
import { openControlStore } from '../../packages/perfloop/src/store/control/open-control-store.ts'
import { createMeasurementJob } from '../../packages/perfloop/src/store/telemetry/jobs/measure-settled-traces.ts'
import {
  type OpenTelemetryStore,
  openTelemetryStore,
} from '../../packages/perfloop/src/store/telemetry/open-telemetry-store.ts'

/** Receivers' decoding, stores and analysis of a Perfloop whose clock the test sets: hours pass in seconds. */
export interface AnalysisHost extends AsyncDisposable {
  nowMs: number
  readonly store: OpenTelemetryStore
  readonly control: ControlStore
  readonly analysis: Analysis
  /** OTLP/JSON bodies, as if they had come in now. */
  receive(signal: 'traces' | 'metrics', bodies: readonly object[]): Promise<void>
  /** Measures what has settled, and looks. */
  look(): ReturnType<Analysis['tick']>
}

export async function openAnalysisHost(
  analyzers: readonly Analyzer[],
  startMs: number,
  change: (settings: Settings) => Settings = settings => settings,
): Promise<AnalysisHost> {
  const directory = mkdtempSync(join(tmpdir(), 'perfloop-analysis-'))
  const settings = change(defaultSettings())
  const clock = { nowUnixMs: () => host.nowMs }
  const [store, control] = await Promise.all([
    openTelemetryStore({ dataDirectory: join(directory, 'data'), settings, clock }),
    openControlStore({ dataDirectory: directory, url: null, clock }),
  ])
  const logger = silentLogger
  const analysis = createAnalysis({ telemetry: store, control, analyzers, settings, clock, logger })
  const measurements = createMeasurementJob(store)
  let loads = 0
  const host: AnalysisHost = {
    nowMs: startMs,
    store,
    control,
    analysis,
    async receive(signal, bodies) {
      const buffer = createIngestBuffer({
        settings: settings.ingest,
        measurementDays: settings.retention.measurementDays,
        parameterKey: randomBytes(16),
        clock,
      })
      for (const body of bodies) {
        const bytes = Buffer.from(JSON.stringify(body))
        buffer.add(signal, 'json', bytes, { receivedUnixMs: host.nowMs })
      }
      for (const block of buffer.take(Math.floor(host.nowMs / 1_000))) {
        loads += 1
        const file = join(directory, `${loads}.native`)
        writeFileSync(file, block.bytes)
        const { table, columns } = block
        await store.engine.insertNative({ table, file, columns, deduplicationToken: String(loads) })
      }
    },
    async look() {
      await measurements.run()
      return await analysis.tick()
    },
    async [Symbol.asyncDispose]() {
      await analysis[Symbol.asyncDispose]()
      await control[Symbol.asyncDispose]()
      await store.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
  return host
}
