import { performance } from 'node:perf_hooks'
import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../domain/logger.ts'
import type { ErrorCode, PerfloopError } from '../domain/perfloop-error.ts'
import type { Settings } from '../settings/settings.ts'
import type { ControlStore } from '../store/control/control-store.ts'
import { calledOperations } from '../store/telemetry/queries/called-operations.query.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import type { Analyzer, Window } from './analyzer.ts'
import { explainFindings } from './explain-findings.ts'
import { directJudgePool, type JudgePool, threadedJudgePool } from './judge-pool.ts'
import { type AnalyzerOutcome, runAnalyzer } from './run-analyzer.ts'
import { type KindOfFinding, type TrackReport, trackIssues } from './track-issues.ts'

export interface AnalysisOptions {
  readonly telemetry: TelemetryStore
  readonly control: ControlStore
  readonly analyzers: readonly Analyzer[]
  readonly settings: Pick<Settings, 'analysis' | 'analyzers'>
  readonly clock: Clock
  readonly logger: Logger
  /** Worker entry that serves the same analyzers (`builtInJudgeWorker()`); in this thread when left out. */
  readonly judgeWorker?: URL
  /** Told the exemplars of what was found, so that sampling keeps them. */
  keepTraces?(traceIds: readonly string[]): Promise<void>
}

/** Analyzers → findings → issues, one window a tick. */
export interface Analysis extends AsyncDisposable {
  /** A tick asked for while one runs is that one. */
  tick(): Promise<TickReport>
  status(): AnalysisStatus
}

export interface TickReport {
  readonly window: Window
  readonly analyzers: readonly AnalyzerReport[]
  readonly issues: TrackReport
}

export interface AnalyzerReport {
  readonly kind: string
  readonly status: 'judged' | 'failed' | 'disabled'
  readonly rows: number
  readonly findings: number
  /** Findings beyond the limit, which were left out. */
  readonly findingsLeftOut: number
  readonly durationMs: number
  readonly reason?: string
}

export interface AnalysisStatus {
  readonly ticks: number
  readonly analyzers: readonly {
    readonly kind: string
    readonly enabled: boolean
    /** Why it is not enabled, or what it failed with last. */
    readonly reason: string | null
    readonly faults: number
  }[]
}

/** Operations whose traffic is asked for: far more than the cardinality limit lets one service have. */
const MAX_CALLED_OPERATIONS = 100_000

interface AnalyzerState {
  readonly analyzer: Analyzer
  faults: number
  disabledBecause: string | null
  lastReason: string | null
}

export function createAnalysis(options: AnalysisOptions): Analysis {
  const { telemetry, control, settings, clock, logger } = options
  const limits = settings.analysis
  const pool: JudgePool =
    options.judgeWorker === undefined
      ? directJudgePool(options.analyzers)
      : threadedJudgePool(options.judgeWorker)
  const states = options.analyzers.map(analyzer => initialState(analyzer, settings))
  let running: Promise<TickReport> | undefined
  let ticks = 0

  async function tick(): Promise<TickReport> {
    const window = windowAt(clock.nowUnixMs(), limits)
    const findings: KindOfFinding[] = []
    const reports: AnalyzerReport[] = []
    // One after the other: the store and the two cores belong to the receivers and the dashboard first.
    for (const state of states) {
      const { report, found } = await look(state, window)
      reports.push(report)
      findings.push(...found)
    }
    const judged = new Set(
      reports.filter(({ status }) => status === 'judged').map(({ kind }) => kind),
    )
    const { standing, explained } = explainFindings(findings, limits)
    const issues = await trackIssues({
      control,
      window,
      findings: standing,
      explained,
      judged,
      calls: await callsIn(window),
      quietMs: limits.quietMs,
      quietMinCalls: limits.quietMinCalls,
    })
    const exemplars = [...new Set(findings.map(({ finding }) => finding.traceId))]
    if (exemplars.length > 0) await options.keepTraces?.(exemplars)

    ticks += 1
    return { window, analyzers: reports, issues }
  }

  async function look(
    state: AnalyzerState,
    window: Window,
  ): Promise<{ readonly report: AnalyzerReport; readonly found: readonly KindOfFinding[] }> {
    const { kind } = state.analyzer
    if (state.disabledBecause !== null) {
      const nothing = { rows: 0, findings: 0, findingsLeftOut: 0, durationMs: 0 }
      return {
        report: { kind, status: 'disabled', ...nothing, reason: state.disabledBecause },
        found: [],
      }
    }
    const startedMs = performance.now()
    const outcome = await runAnalyzer({
      analyzer: state.analyzer,
      window,
      options: settings.analyzers,
      store: telemetry,
      pool,
      limits,
    })
    count(state, outcome)
    const measured = { kind, durationMs: performance.now() - startedMs }
    if (outcome.status === 'failed') {
      return {
        report: {
          ...measured,
          status: 'failed',
          rows: 0,
          findings: 0,
          findingsLeftOut: 0,
          reason: reasonOf(outcome.error),
        },
        found: [],
      }
    }
    return {
      report: {
        ...measured,
        status: 'judged',
        rows: outcome.rows,
        findings: outcome.findings.length,
        findingsLeftOut: outcome.leftOut,
      },
      found: outcome.findings.map(finding => ({ kind, finding })),
    }
  }

  /** Faults in a row count; a store that is away is nobody's fault but its own. */
  function count(state: AnalyzerState, outcome: AnalyzerOutcome): void {
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
    if (state.faults < limits.faultsBeforeDisable) return
    state.disabledBecause = reason
    logger.error({ analyzer: kind, reason }, 'An analyzer is disabled after repeated faults')
  }

  async function callsIn(window: Window): Promise<(...key: [string, string, string]) => number> {
    const rows = await telemetry.run(calledOperations, {
      from_s: Number(window.fromUnixNs / 1_000_000_000n),
      to_s: Number(window.toUnixNs / 1_000_000_000n),
      max_rows: MAX_CALLED_OPERATIONS,
    })
    const calls = new Map(
      rows.map(row => [
        JSON.stringify([row.environment, row.service, row.operation]),
        row.seen_executions,
      ]),
    )
    return (...key) => calls.get(JSON.stringify(key)) ?? 0
  }

  return {
    tick() {
      running ??= tick().finally(() => {
        running = undefined
      })
      return running
    },

    status: () => ({
      ticks,
      analyzers: states.map(({ analyzer, faults, disabledBecause, lastReason }) => ({
        kind: analyzer.kind,
        enabled: disabledBecause === null,
        reason: disabledBecause ?? lastReason,
        faults,
      })),
    }),

    async [Symbol.asyncDispose]() {
      await running?.catch(() => {})
      await pool[Symbol.asyncDispose]()
    },
  }
}

const STORE_IS_AWAY: ReadonlySet<ErrorCode> = new Set(['STORE_UNREACHABLE'])

function initialState(analyzer: Analyzer, settings: Pick<Settings, 'analyzers'>): AnalyzerState {
  const off = settings.analyzers.enabled[analyzer.kind] === false
  return {
    analyzer,
    faults: 0,
    disabledBecause: off ? 'switched off in the settings' : null,
    lastReason: null,
  }
}

/** The newest window whose traces have settled, on whole seconds, as receive times are. */
function windowAt(
  nowUnixMs: number,
  { windowMs, settleMs }: { readonly windowMs: number; readonly settleMs: number },
): Window {
  const second = 1_000
  const toUnixMs = Math.floor((nowUnixMs - settleMs) / second) * second
  const fromUnixMs = toUnixMs - Math.ceil(windowMs / second) * second
  return {
    fromUnixNs: BigInt(fromUnixMs) * 1_000_000n,
    toUnixNs: BigInt(toUnixMs) * 1_000_000n,
    offline: false,
  }
}

function reasonOf(error: PerfloopError): string {
  const { reason, message } = error.details
  return [error.message, reason ?? message].filter(part => typeof part === 'string').join(' ')
}
