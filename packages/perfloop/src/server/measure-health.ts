import { statfs } from 'node:fs/promises'
import type { Health } from '../api/contract/config.ts'
import type { Receiver } from '../ingest/receive/start-receiver.ts'
import type { Loader } from '../ingest/spool/loader.ts'
import type { Settings } from '../settings/settings.ts'
import type { ControlStore } from '../store/control/control-store.ts'
import type { TelemetryEngine } from '../store/telemetry/engine.ts'
import type { StageRunner, StageStatus } from './stage-runner.ts'

type Component = Health['components'][number]

export interface HealthParts {
  readonly settings: Settings
  readonly dataDirectory: string
  readonly receiver: Receiver
  readonly loader: Loader
  readonly engine: TelemetryEngine
  readonly control: ControlStore
  readonly stages: StageRunner
  readonly analyzers: () => Health['analyzers']
  readonly storeRestarts: () => number
  /** Another Perfloop uses the same control store. */
  readonly hasNeighbour: () => boolean
  readonly startedAt: string
  readonly version: string
}

/** Asks every component how it is, all at once; one that does not answer is unhealthy, with what it said. */
export async function measureHealth(parts: HealthParts): Promise<Health> {
  const found = await Promise.all([
    ask('receiver', () => receiverHealth(parts)),
    ask('spool', () => spoolHealth(parts)),
    ask('loader', () => loaderHealth(parts)),
    ask('store', () => storeHealth(parts)),
    ask('control', () => controlHealth(parts)),
    ask('analysis', async () => stagesHealth('analysis', parts, ['measure', 'analyze'])),
    ask('optimizer', async () =>
      stagesHealth('optimizer', parts, ['recover', 'collect', 'recommend', 'apply']),
    ),
    ask('retention', async () =>
      stagesHealth('retention', parts, ['sample', 'retain', 'limit-disk']),
    ),
    ask('disk', () => diskHealth(parts)),
  ])
  const components = [...found, ...(await targetsHealth(parts))]
  return {
    status: worst(components),
    version: parts.version,
    started_at: parts.startedAt,
    components,
    analyzers: parts.analyzers(),
  }
}

async function ask(component: string, question: () => Promise<Component>): Promise<Component> {
  try {
    return await question()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { component, status: 'unhealthy', reason, numbers: {} }
  }
}

async function receiverHealth({ receiver }: HealthParts): Promise<Component> {
  const statistics = await receiver.statistics()
  const { p50, p99 } = statistics.acknowledgementMs
  return healthy('receiver', {
    spans: statistics.spansAccepted,
    requests: statistics.requests,
    restarts: statistics.restarts,
    ...(p50 !== null && { acknowledgement_p50_ms: p50 }),
    ...(p99 !== null && { acknowledgement_p99_ms: p99 }),
  })
}

async function spoolHealth({ receiver, settings }: HealthParts): Promise<Component> {
  const { spoolBytes, spoolSegments, spoolFull, tornTails } = await receiver.statistics()
  const numbers = {
    bytes: spoolBytes,
    limit_bytes: settings.ingest.spool.maxBytes,
    segments: spoolSegments,
    torn_tails: tornTails,
  }
  if (spoolFull) {
    return unwell(
      'spool',
      'unhealthy',
      'the spool is full: senders are told to repeat later',
      numbers,
    )
  }
  return healthy('spool', numbers)
}

async function loaderHealth({ loader, settings }: HealthParts): Promise<Component> {
  const statistics = await loader.statistics()
  const numbers = {
    waiting_segments: statistics.lag.segments,
    waiting_bytes: statistics.lag.bytes,
    oldest_ms: statistics.lag.oldestAgeMs,
    rows_per_second: statistics.rowsPerSecond,
    quarantined_frames: statistics.quarantinedFrames,
    retries: statistics.retries,
  }
  if (statistics.waitingFor !== undefined) {
    return unwell('loader', 'degraded', statistics.waitingFor, numbers)
  }
  if (statistics.lag.oldestAgeMs > settings.server.loadLagMs) {
    return unwell('loader', 'degraded', 'telemetry arrives faster than the store takes it', numbers)
  }
  return healthy('loader', numbers)
}

async function storeHealth({ engine, settings, storeRestarts }: HealthParts): Promise<Component> {
  const startedMs = performance.now()
  await engine.query('SELECT 1', {}, { maxMs: settings.server.healthQueryMs })
  return healthy('store', { restarts: storeRestarts(), answer_ms: performance.now() - startedMs })
}

async function controlHealth({ control, hasNeighbour }: HealthParts): Promise<Component> {
  const startedMs = performance.now()
  await control.state.get('health')
  const numbers = { answer_ms: performance.now() - startedMs }
  if (hasNeighbour()) {
    const reason =
      'another Perfloop uses this control database: its agents hear late of what is asked here'
    return unwell('control', 'degraded', reason, numbers)
  }
  return healthy('control', numbers)
}

function stagesHealth(
  component: string,
  { stages }: HealthParts,
  names: readonly string[],
): Component {
  const statuses = stages.statuses().filter(({ name }) => names.includes(name))
  const numbers = Object.fromEntries(
    statuses.flatMap(({ name, runs, faults, lastMs }) => [
      [`${name}_runs`, runs],
      [`${name}_faults`, faults],
      [`${name}_last_ms`, lastMs],
    ]),
  )
  const faulty = statuses.find(({ faultsInRow }) => faultsInRow > 0)
  return faulty === undefined
    ? healthy(component, numbers)
    : unwell(component, 'degraded', faultOf(faulty), numbers)
}

function faultOf({ name, faultsInRow, lastFault }: StageStatus): string {
  return `${name} failed ${faultsInRow} times in a row: ${lastFault ?? 'unknown'}`
}

async function diskHealth({ dataDirectory, settings }: HealthParts): Promise<Component> {
  const { bavail, bsize } = await statfs(dataDirectory)
  const freeBytes = bavail * bsize
  const numbers = { free_bytes: freeBytes }
  const { diskLowBytes, diskVeryLowBytes } = settings.server
  if (freeBytes < diskVeryLowBytes) {
    return unwell('disk', 'unhealthy', 'the disk is almost full', numbers)
  }
  return freeBytes < diskLowBytes
    ? unwell('disk', 'degraded', 'the disk is getting full', numbers)
    : healthy('disk', numbers)
}

async function targetsHealth({ control }: HealthParts): Promise<Component[]> {
  // That the control store does not answer is said by its own component.
  const targets = await control.targets.list().catch(() => [])
  return targets.map(({ id, status, notes }) => {
    const component = `target:${id}`
    if (status === 'ok' || status === 'unknown') return healthy(component, {})
    const reason =
      notes[0] ?? (status === 'unreachable' ? 'does not answer' : 'may not be inspected')
    return unwell(component, 'degraded', reason, {})
  })
}

function healthy(component: string, numbers: Record<string, number>): Component {
  return { component, status: 'healthy', reason: null, numbers }
}

function unwell(
  component: string,
  status: 'degraded' | 'unhealthy',
  reason: string,
  numbers: Record<string, number>,
): Component {
  return { component, status, reason, numbers }
}

function worst(components: readonly Component[]): Health['status'] {
  if (components.some(({ status }) => status === 'unhealthy')) return 'unhealthy'
  return components.some(({ status }) => status === 'degraded') ? 'degraded' : 'healthy'
}
