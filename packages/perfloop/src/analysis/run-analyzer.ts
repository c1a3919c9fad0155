import { PerfloopError } from '../domain/perfloop-error.ts'
import type { Settings } from '../settings/settings.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import type { Analyzer, Finding, WatchedService, Window } from './analyzer.ts'
import type { JudgePool } from './judge-pool.ts'
import { byUrgency } from './urgency.ts'

export type AnalyzerOutcome =
  | {
      readonly status: 'judged'
      readonly rows: number
      /** The most urgent come first. */
      readonly findings: readonly Finding[]
      readonly leftOut: number
      readonly watched?: readonly WatchedService[]
      /** How long it need not look again. */
      readonly restMs: number
    }
  | { readonly status: 'failed'; readonly error: PerfloopError }

export interface AnalyzerRun {
  readonly analyzer: Analyzer
  readonly window: Window
  /** All analyzers' settings; its own are under its kind in camelCase. */
  readonly options: Settings['analyzers']
  readonly store: TelemetryStore
  readonly pool: JudgePool
  readonly limits: Pick<
    Settings['analysis'],
    'maxEvidenceRows' | 'maxFindingsPerAnalyzer' | 'judgeTimeoutMs'
  >
}

/** One analyzer over one window: ask, judge, and keep within the limits. Its failure is an outcome. */
export async function runAnalyzer(run: AnalyzerRun): Promise<AnalyzerOutcome> {
  const { analyzer, window, limits } = run
  try {
    const options = optionsOf(analyzer, run.options)
    const rows = await run.store.run(analyzer.evidence, analyzer.ask(window, options))
    const answer = await run.pool.judge(
      { kind: analyzer.kind, rows: rows.slice(0, limits.maxEvidenceRows), window, options },
      limits.judgeTimeoutMs,
    )
    if (answer.status === 'failed') {
      const { kind } = analyzer
      return {
        status: 'failed',
        error: new PerfloopError('ANALYZER_FAILED', { kind, reason: answer.reason }),
      }
    }
    const ranked = answer.findings.toSorted(byUrgency)
    const findings = ranked.slice(0, limits.maxFindingsPerAnalyzer)
    return {
      status: 'judged',
      rows: rows.length,
      findings,
      leftOut: ranked.length - findings.length,
      ...(answer.watched === undefined ? {} : { watched: answer.watched }),
      restMs: analyzer.restMs?.(options) ?? 0,
    }
  } catch (cause) {
    if (cause instanceof PerfloopError) return { status: 'failed', error: cause }
    return {
      status: 'failed',
      error: new PerfloopError(
        'ANALYZER_FAILED',
        { kind: analyzer.kind, reason: String(cause) },
        cause,
      ),
    }
  }
}

/** Analyzers' settings by kind: `n-plus-one` has its options under `nPlusOne`. */
function optionsOf(analyzer: Analyzer, settings: Settings['analyzers']): unknown {
  const key = analyzer.kind.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const given = Object.entries(settings).find(([name]) => name === key)?.[1]
  return analyzer.options.parse(given ?? {})
}
