import { z } from 'zod'
import { AgentSettings } from './agents.ts'
import { AnalysisSettings } from './analysis.ts'
import { AnalyzerSettings } from './analyzers.ts'
import { IngestSettings } from './ingest.ts'
import { ObjectiveSettings } from './objectives.ts'
import { OptimizerSettings } from './optimizer.ts'
import { ResourceSettings } from './resources.ts'
import { RetentionSettings } from './retention.ts'
import { SamplingSettings } from './sampling.ts'
import { ServerSettings } from './server.ts'
import { StoreSettings } from './store.ts'

/**
 * Every setting and threshold of Perfloop: type, default, unit and meaning in one place.
 * `docs/settings.md` is generated from it; files, environment and flags are checked against it.
 */
export const Settings = z.strictObject({
  server: ServerSettings,
  ingest: IngestSettings,
  store: StoreSettings,
  retention: RetentionSettings,
  sampling: SamplingSettings,
  resources: ResourceSettings,
  agents: AgentSettings,
  analysis: AnalysisSettings,
  analyzers: AnalyzerSettings,
  optimizer: OptimizerSettings,
  objectives: ObjectiveSettings,
})

export type Settings = z.output<typeof Settings>

export function defaultSettings(): Settings {
  return Settings.parse({})
}
