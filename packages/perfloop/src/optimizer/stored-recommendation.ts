import { z } from 'zod'
import { fingerprint } from '../domain/fingerprint.ts'
import { SPAN_KINDS } from '../domain/span.ts'
import type { Recommendation } from './optimization.ts'

const StoredRecommendation = z.object({
  kind: z.string(),
  targetId: z.string(),
  title: z.string(),
  description: z.string(),
  change: z.string(),
  undo: z.string(),
  owns: z.record(z.string(), z.unknown()),
  risk: z.string(),
  proof: z.object({
    method: z.string(),
    statements: z.array(
      z.object({
        statement: z.string().transform(fingerprint),
        text: z.string(),
        costBefore: z.number(),
        costAfter: z.number(),
        planBefore: z.array(z.string()),
        planAfter: z.array(z.string()),
        usesChange: z.boolean(),
      }),
    ),
  }),
  changeKey: z.string(),
  expectedGain: z.object({ low: z.number(), high: z.number() }),
  operations: z.array(
    z.object({
      environment: z.string(),
      service: z.string(),
      operation: z.string(),
      kind: z.enum(SPAN_KINDS),
    }),
  ),
  issueIds: z.array(z.string()),
  progress: z
    .object({
      /** When building began: measurements before it are undisturbed. */
      startedUnixMs: z.number(),
      /** Looks of the verification already taken: each may spend its level once. */
      looksTaken: z.number(),
      /** Already reported of a change that is kept. */
      waste: z.string().nullable(),
    })
    .optional(),
})

/** A recommendation with what has become of it, as the control store keeps it. */
export type TrackedRecommendation = Recommendation & {
  readonly progress: NonNullable<z.output<typeof StoredRecommendation>['progress']>
}

/** The one door from the control store. */
export function readRecommendation(document: unknown): TrackedRecommendation {
  const { progress, ...recommendation } = StoredRecommendation.parse(document)
  return {
    ...recommendation,
    progress: progress ?? { startedUnixMs: 0, looksTaken: 0, waste: null },
  }
}
