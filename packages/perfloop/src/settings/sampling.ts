import { z } from 'zod'
import { durationMs, ratio, section } from './section.ts'

export const SamplingSettings = section({
  rates: z
    .record(z.string(), ratio())
    .default({ production: 0.1, staging: 1, development: 1 })
    .describe('Share of ordinary traces whose detail is kept, by environment.'),
  defaultRate: ratio()
    .default(1)
    .describe('The share for an environment that `rates` does not name.'),
  criticalOperations: z
    .array(z.strictObject({ service: z.string().optional(), operation: z.string() }))
    .default([])
    .describe('Operations whose traces are all kept.'),
  slowMs: durationMs().default(500).describe('Traces with a slower entry span are all kept.'),
  decideAfterMs: durationMs()
    .default(60_000)
    .describe('How long after its last span a trace whose root has arrived is decided.'),
  decideRootlessAfterMs: durationMs()
    .default(15 * 60_000)
    .describe('How long a trace without a root is waited for.'),
  intervalMs: durationMs().default(60_000).describe('How often decisions are made.'),
})
