import { count, durationMs, section } from './section.ts'

export const RetentionSettings = section({
  measurementDays: count()
    .default(7)
    .describe('Spans, measurements, logs, metric points, resource usage.'),
  aggregateDays: count().default(30).describe('Minute and hour rollups.'),
  baselineDays: count().default(365).describe('Daily rollups and baselines.'),
  cleanupIntervalMs: durationMs()
    .default(24 * 3_600_000)
    .describe('How often expired data is removed from disk.'),
})
