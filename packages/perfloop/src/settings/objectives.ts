import { durationMs, ratio, section } from './section.ts'

/** Where the key figures of the overview should be. Nothing is judged by them: they are what readers compare with. */
export const ObjectiveSettings = section({
  p50Ms: durationMs()
    .default(200)
    .describe('Target of the median latency of all entry operations.'),
  p95Ms: durationMs().default(500).describe('Target of their 95th percentile.'),
  errorRatio: ratio().default(0.01).describe('Target of their share of failed executions.'),
})
