import { performance } from 'node:perf_hooks'
import { NS_PER_MS } from '../domain/duration.ts'
import type { Logger } from '../domain/logger.ts'
import type { ErrorCode, PerfloopError } from '../domain/perfloop-error.ts'
import type { Settings } from '../settings/settings.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import type { Analyzer, WatchedService, Window } from './analyzer.ts'
import type { JudgePool } from './judge-pool.ts'
import { type AnalyzerOutcome, runAnalyzer } from './run-analyzer.ts'
import type { KindOfFinding } from './track-issues.ts'

export interface AnalyzerReport {
  readonly kind: string
  readonly status: 'judged' | 'failed' | 'disabled' | 'resting'
  readonly rows: number
  readonly findings: number
  /** Findings beyond the limit, which were left out. */
  readonly findingsLeftOut: number
  readonly durationMs: number
  readonly reason?: string
}

export interface AnalyzerStatus {
  readonly kind: string
  readonly enabled: boolean
  /** Why it is not enabled, or what it failed with last. */
  readonly reason: string | null
  readonly faults: number
}

interface AnalyzerState {
  readonly analyzer: Analyzer
  faults: number
  disabledBecause: string | null
  lastReason: string | null
  restsUntilUnixNs: number
}

export interface RosterLook {
  readonly reports: readonly AnalyzerReport[]
  readonly findings: readonly KindOfFinding[]
  /** Whether a kind judged, and would have told of a problem of this service. */
  isWatched(kind: string, environment: string, service: string): boolean
}

export interface RosterOptions {
  readonly analyzers: readonly Analyzer[]
  readonly telemetry: TelemetryStore
  readonly settings: Pick<Settings, 'analysis' | 'analyzers'>
  readonly pool: JudgePool
  readonly logger: Logger
}

/** All analyzers with their record: one that fails again and again is left out, and nothing else notices. */
export class AnalyzerRoster {
  readonly #options: RosterOptions
  readonly #states: readonly AnalyzerState[]

  constructor(options: RosterOptions) {
    this.#options = options
    this.#states = options.analyzers.map(analyzer => initialState(analyzer, options.settings))
  }

  async look(window: Window): Promise<RosterLook> {
    const findings: KindOfFinding[] = []
    const reports: AnalyzerReport[] = []
    const watched = new Map<string, ReadonlySet<string> | 'all'>()
    // One after the other: the store and the two cores belong to the receivers and the dashboard first.
    for (const state of this.#states) {
      const { report, found, services } = await this.#lookOf(state, window)
      reports.push(report)
      findings.push(...found)
      if (report.status === 'judged') watched.set(report.kind, services ?? 'all')
    }
    return {
      reports,
      findings,
      isWatched(kind, environment, service) {
        const services = watched.get(kind)
        return services === 'all' || services?.has(keyOf({ environment, service })) === true
      },
    }
  }

  status(): readonly AnalyzerStatus[] {
    return this.#states.map(({ analyzer, faults, disabledBecause, lastReason }) => ({
      kind: analyzer.kind,
      enabled: disabledBecause === null,
      reason: disabledBecause ?? lastReason,
      faults,
    }))
  }

  async #lookOf(
    state: AnalyzerState,
    window: Window,
  ): Promise<{
    readonly report: AnalyzerReport
    readonly found: readonly KindOfFinding[]
    readonly services?: ReadonlySet<string>
  }> {
    const { kind } = state.analyzer
    if (state.disabledBecause !== null) {
      return {
        report: { kind, status: 'disabled', ...NOTHING, reason: state.disabledBecause },
        found: [],
      }
    }
    if (Number(window.toUnixNs) < state.restsUntilUnixNs) {
      return { report: { kind, status: 'resting', ...NOTHING }, found: [] }
    }
    const { telemetry, settings, pool } = this.#options
    const startedMs = performance.now()
    const outcome = await runAnalyzer({
      analyzer: state.analyzer,
      window,
      options: settings.analyzers,
      store: telemetry,
      pool,
      limits: settings.analysis,
    })
    this.#count(state, outcome)
    const measured = { ...NOTHING, kind, durationMs: performance.now() - startedMs }
    if (outcome.status === 'failed') {
      return {
        report: { ...measured, status: 'failed', reason: reasonOf(outcome.error) },
        found: [],
      }
    }
    state.restsUntilUnixNs = Number(window.toUnixNs) + outcome.restMs * NS_PER_MS
    return {
      report: {
        ...measured,
        status: 'judged',
        rows: outcome.rows,
        findings: outcome.findings.length,
        findingsLeftOut: outcome.leftOut,
      },
      found: outcome.findings.map(finding => ({ kind, finding })),
      ...(outcome.watched === undefined ? {} : { services: new Set(outcome.watched.map(keyOf)) }),
    }
  }

  /** Faults in a row count; a store that is away is nobody's fault but its own. */
  #count(state: AnalyzerState, outcome: AnalyzerOutcome): void {
    const { logger, settings } = this.#options
    const { kind } = state.analyzer
    if (outcome.status === 'judged') {
      state.faults = 0
      state.lastReason = null
      return
    }
    const reason = reasonOf(outcome.error)
    state.lastReason = reason
    if (STORE_IS_AWAY.has(outcome.error.code)) return
    state.faults += 1
    logger.warn(
      { analyzer: kind, faults: state.faults, error: outcome.error },
      'An analyzer failed',
    )
    if (state.faults < settings.analysis.faultsBeforeDisable) return
    state.disabledBecause = reason
    logger.error({ analyzer: kind, reason }, 'An analyzer is disabled after repeated faults')
  }
}

const NOTHING = { rows: 0, findings: 0, findingsLeftOut: 0, durationMs: 0 }
const STORE_IS_AWAY: ReadonlySet<ErrorCode> = new Set(['STORE_UNREACHABLE'])

function initialState(analyzer: Analyzer, settings: Pick<Settings, 'analyzers'>): AnalyzerState {
  const off = settings.analyzers.enabled[analyzer.kind] === false
  return {
    analyzer,
    faults: 0,
    disabledBecause: off ? 'switched off in the settings' : null,
    lastReason: null,
    restsUntilUnixNs: 0,
  }
}

function keyOf({ environment, service }: WatchedService): string {
  return JSON.stringify([environment, service])
}

function reasonOf(error: PerfloopError): string {
  const { reason, message } = error.details
  return [error.message, reason ?? message].filter(part => typeof part === 'string').join(' ')
}
