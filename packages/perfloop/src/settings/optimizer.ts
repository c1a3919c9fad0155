import { z } from 'zod'
import { count, durationMs, ratio, section } from './section.ts'

const timeOfDay = () => z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/)

/** Policy and limits of changes, and when their effect counts as proven. */
export const OptimizerSettings = section({
  intervalMs: durationMs()
    .default(10_000)
    .describe('How often recommendations are made, and running verifications looked at.'),
  rules: z
    .array(
      z.strictObject({
        kind: z.string().default('*'),
        environment: z.string().default('*'),
        service: z.string().default('*'),
        mode: z.enum(['observe', 'approve', 'auto']),
      }),
    )
    .default([])
    .describe(
      'Policy until a person sets it: the first rule that matches decides, observe when none does. observe: a person approves and applies; approve: an approval is enough; auto: applied without asking.',
    ),
  maintenanceWindow: z
    .strictObject({ from: timeOfDay(), to: timeOfDay() })
    .nullable()
    .default(null)
    .describe('Times of day in UTC between which changes are applied. null: always.'),
  collect: section({
    intervalMs: durationMs()
      .default(60_000)
      .describe('How often targets are asked for schema, statistics and plans.'),
    observedMs: durationMs()
      .default(3_600_000)
      .describe('Statements seen within this time are explained.'),
    maxStatements: count().default(200).describe('Statements explained at a time, heaviest first.'),
    maxTables: count().default(1_000).describe('Tables whose facts are collected, largest first.'),
    statementTimeoutMs: durationMs()
      .default(2_000)
      .describe('Longest time of one question to a target.'),
    timeoutMs: durationMs()
      .default(30_000)
      .describe(
        'Longest time of one collection from a target: statements left then have no plan until the next.',
      ),
    lockTimeoutMs: durationMs().default(200).describe('Longest wait for a lock while collecting.'),
    connectTimeoutMs: durationMs().default(5_000).describe('Longest time to connect to a target.'),
    sampledRows: count()
      .default(2_000)
      .describe('Rows of a SQLite table read to estimate how many values its columns have.'),
    assumedPageRows: count()
      .default(50)
      .describe('Rows of a page, where a statement has a LIMIT whose number is not known.'),
    explainsPerSecond: count()
      .default(50)
      .describe('Statements explained in a second at most, so that the target never notices.'),
  }),
  createIndex: section({
    minTableRows: count().default(2_000).describe('Smaller tables get no index proposed.'),
    maxColumns: count().default(3).describe('Most columns of a proposed index.'),
    maxCandidatesPerTable: count().default(6).describe('Candidates proven for one table.'),
    minCostReductionRatio: ratio()
      .default(0.3)
      .describe('A proposal must lower the planner’s cost of a statement by this share.'),
    minCallerRatio: ratio()
      .default(0.1)
      .describe(
        'Share of a statement’s time from which an operation that calls it is measured when the change is judged.',
      ),
    maxPartialRatio: ratio()
      .default(0.3)
      .describe(
        'A condition on NULL that keeps at most this share of the rows makes the index partial.',
      ),
    lockTimeoutMs: durationMs()
      .default(3_000)
      .describe('Longest wait for a lock while an index is built or dropped.'),
    buildTimeoutMs: durationMs()
      .default(30 * 60_000)
      .describe('Longest time an index may take to build.'),
    proofTimeoutMs: durationMs()
      .default(60_000)
      .describe('Longest time all proofs of one target may take at a time.'),
  }),
  verification: section({
    beforeMs: durationMs()
      .default(10 * 60_000)
      .describe(
        'Measurements before the change that it is compared with; more, up to `longestMs`, where an operation is rare. A policy waits as long after another change of the same operations.',
      ),
    longestMs: durationMs()
      .default(24 * 3_600_000)
      .describe(
        'Longest time that traffic is gathered before a change, and waited for after it. Then the verdict is inconclusive.',
      ),
    undecided: z
      .enum(['rollback', 'keep'])
      .default('rollback')
      .describe(
        'What becomes of a change whose effect could not be told. rollback: what is not shown to help does not stay; keep: it stays, unproven.',
      ),
    settleMs: durationMs()
      .default(5_000)
      .describe('Left out after the change: caches and plans settle.'),
    measurementDelayMs: durationMs()
      .default(15_000)
      .describe('How long after a request its measurement is surely in the store.'),
    looksMs: z
      .array(durationMs())
      .min(1)
      .default([30_000, 60_000, 120_000, 300_000, 600_000])
      .describe(
        'How long after the change, settling left out, the effect is judged. The last one decides.',
      ),
    blockMs: durationMs()
      .default(5_000)
      .describe('Requests of one such block of time count as one independent sample, at least.'),
    minBlockCalls: count()
      .default(5)
      .describe(
        'Executions a block needs to be a sample; blocks are lengthened until they have them.',
      ),
    minBlocks: count().default(5).describe('Blocks needed before and after the change.'),
    significance: ratio()
      .default(0.05)
      .describe(
        'Chance of calling a change an effect when there is none, over all metrics and looks.',
      ),
    regressionRatio: z
      .number()
      .min(0)
      .default(0.2)
      .describe('A slowdown by more than this share undoes the change at once.'),
    regressionConfidence: ratio()
      .default(0.8)
      .describe(
        'At the last look, the confidence interval of this level must be beyond `regressionRatio`; before, that of the look.',
      ),
    errorRatioRise: ratio()
      .default(0.01)
      .describe('A rise of the share of failed executions by more than this undoes the change.'),
    noEffectRatio: ratio()
      .default(0.05)
      .describe('An effect whose whole confidence interval is within ± this share is none.'),
    maxTrafficFactor: z
      .number()
      .min(1)
      .default(3)
      .describe(
        'Traffic that fell by more than this factor is not comparable: no gain is claimed, since less load alone is faster.',
      ),
    watchMs: durationMs()
      .default(24 * 3_600_000)
      .describe('How long after its verdict a change is watched for being used.'),
  }),
})
export type OptimizerSettings = z.output<typeof OptimizerSettings>
