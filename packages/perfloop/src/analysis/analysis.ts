import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../domain/logger.ts'
import type { Settings } from '../settings/settings.ts'
import type { ControlStore } from '../store/control/control-store.ts'
import { calledOperations } from '../store/telemetry/queries/called-operations.query.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import type { Analyzer, Window } from './analyzer.ts'
import { type AnalyzerReport, AnalyzerRoster, type AnalyzerStatus } from './analyzer-roster.ts'
import { explainFindings } from './explain-findings.ts'
import { directJudgePool, type JudgePool, threadedJudgePool } from './judge-pool.ts'
import { type TrackReport, trackIssues } from './track-issues.ts'

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

export interface AnalysisStatus {
  readonly ticks: number
  readonly analyzers: readonly AnalyzerStatus[]
}

export function createAnalysis(options: AnalysisOptions): Analysis {
  const { telemetry, control, settings, clock, logger, analyzers } = options
  const limits = settings.analysis
  const pool: JudgePool =
    options.judgeWorker === undefined
      ? directJudgePool(analyzers)
      : threadedJudgePool(options.judgeWorker)
  const roster = new AnalyzerRoster({ analyzers, telemetry, settings, pool, logger })
  let running: Promise<TickReport> | undefined
  let ticks = 0

  async function tick(): Promise<TickReport> {
    const window = windowAt(clock.nowUnixMs(), limits)
    const { reports, findings, isWatched } = await roster.look(window)
    const { standing, explained } = explainFindings(findings, limits)
    const issues = await trackIssues({
      control,
      window,
      findings: standing,
      explained,
      isWatched,
      calls: await callsIn(window, telemetry),
      quietMs: limits.quietMs,
      quietMinCalls: limits.quietMinCalls,
    })
    const exemplars = [...new Set(findings.map(({ finding }) => finding.traceId))].filter(
      traceId => traceId !== '',
    )
    if (exemplars.length > 0) await options.keepTraces?.(exemplars)

    ticks += 1
    return { window, analyzers: reports, issues }
  }

  return {
    tick() {
      running ??= tick().finally(() => {
        running = undefined
      })
      return running
    },
    status: () => ({ ticks, analyzers: roster.status() }),
    async [Symbol.asyncDispose]() {
      await running?.catch(() => {})
      await pool[Symbol.asyncDispose]()
    },
  }
}

/** Operations whose traffic is asked for: far more than the cardinality limit lets one service have. */
const MAX_CALLED_OPERATIONS = 100_000

type Calls = (environment: string, service: string, operation: string) => number

async function callsIn(window: Window, telemetry: TelemetryStore): Promise<Calls> {
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
