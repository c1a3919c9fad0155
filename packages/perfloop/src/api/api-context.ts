import type { Agents } from '../agents/agents.ts'
import type { FlameGraphs } from '../agents/flame-graphs.ts'
import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../domain/logger.ts'
import type { Optimizer } from '../optimizer/optimizer.ts'
import type { SettingSource } from '../settings/load-settings.ts'
import type { Settings } from '../settings/settings.ts'
import type { ControlStore } from '../store/control/control-store.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import type { AccessControl } from './auth/access-control.ts'
import type { Health } from './contract/config.ts'
import type { LiveHub } from './live/live-hub.ts'
import type { MetricFamily } from './metrics/metric-family.ts'

/** What the API needs of the rest of Perfloop. */
export interface ApiContext {
  readonly settings: Settings
  readonly sources: ReadonlyMap<string, SettingSource>
  readonly telemetry: TelemetryStore
  readonly control: ControlStore
  readonly optimizer: Optimizer
  readonly agents: Agents
  readonly flameGraphs: FlameGraphs
  readonly access: AccessControl
  readonly live: LiveHub
  readonly clock: Clock
  readonly logger: Logger
  health(): Promise<Health>
  metrics(): Promise<readonly MetricFamily[]>
  /** Ingest tokens were made or revoked: the receiver must know at once. */
  ingestTokensChanged(): Promise<void>
  /** Folder of the dashboard's built files; undefined when it is not built. */
  readonly dashboardDirectory: string | undefined
}
