import { count, durationMs, ratio, section } from './section.ts'

export const AnalysisSettings = section({
  intervalMs: durationMs().default(15_000).describe('How often the analyzers look.'),
  windowMs: durationMs()
    .default(5 * 60_000)
    .describe('The window an analyzer looks at, by receive time.'),
  settleMs: durationMs()
    .default(5_000)
    .describe('How long after receipt a trace counts as complete for measurements and analysis.'),
  quietMs: durationMs()
    .default(10 * 60_000)
    .describe('An issue not seen for so long, while its operation is still used, is resolved.'),
  quietMinCalls: count()
    .default(20)
    .describe(
      'Requests an operation must have had in the window for its silence to count: without traffic nothing can be seen.',
    ),
  explainedRatio: ratio()
    .default(0.5)
    .describe(
      'Share of the time of a slow operation from which its causes, such as a missing index or an N+1, stand for it.',
    ),
  maxFindingsPerAnalyzer: count()
    .default(200)
    .describe('Findings of one analyzer in one window; the most severe are kept.'),
  maxEvidenceRows: count().default(5_000).describe('Rows of evidence an analyzer is given.'),
  judgeTimeoutMs: durationMs().default(10_000).describe('Longest time an analyzer may judge.'),
  faultsBeforeDisable: count()
    .default(3)
    .describe('Faults in a row after which an analyzer is disabled.'),
})
