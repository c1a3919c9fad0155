import { z } from 'zod'
import { ISSUE_STATUSES } from '../../domain/issue.ts'
import { OPTIMIZATION_STATUSES, VERDICTS } from '../../domain/optimization.ts'
import { SEVERITIES } from '../../domain/severity.ts'
import { SPAN_KINDS } from '../../domain/span.ts'
import { PageParams } from './envelope.ts'
import { OperationRef } from './measure.ts'

const instant = () => z.iso.datetime()

export const LedgerEntry = z.object({
  id: z.string(),
  at: instant(),
  actor: z.string().describe('admin, perfloop (by itself), or the name of a policy'),
  from: z.string().nullable(),
  to: z.string(),
  reason: z.string().nullable(),
  evidence: z.record(z.string(), z.unknown()),
})

export const Issue = z.object({
  id: z.string(),
  kind: z.string(),
  title: z.string(),
  description: z.string(),
  severity: z.enum(SEVERITIES),
  status: z.enum(ISSUE_STATUSES),
  environment: z.string(),
  service: z.string(),
  operation: z.string(),
  operation_kind: z.enum(SPAN_KINDS),
  fingerprint: z
    .string()
    .describe('Subject: with kind, environment, service and operation the identity'),
  statement: z.string().nullable(),
  statement_text: z.string().nullable(),
  code_location: z.string().nullable(),
  confidence: z.number(),
  recoverable_ns_per_hour: z.number(),
  evidence: z.record(z.string(), z.unknown()),
  exemplar_trace: z.string(),
  exemplar_spans: z.array(z.string()),
  windows_seen: z.int().describe('How many windows it was found in'),
  first_seen: instant(),
  last_seen: instant(),
  created_at: instant(),
  updated_at: instant(),
  ignored_until: instant().nullable(),
  ignore_reason: z.string().nullable(),
})
export const IssueDetail = Issue.extend({
  ledger: z.array(LedgerEntry),
  history: z.array(z.object({ at: instant(), recoverable_ns_per_hour: z.number() })),
  optimizations: z.array(
    z.object({ id: z.string(), title: z.string(), status: z.enum(OPTIMIZATION_STATUSES) }),
  ),
})
export const IssueListParams = PageParams.extend({
  status: z
    .string()
    .optional()
    .describe('One or more statuses, comma-separated; `active` is all but resolved and ignored'),
  severity: z.enum(SEVERITIES).optional().describe('At least'),
  kind: z.string().optional(),
  environment: z.string().optional(),
  service: z.string().optional(),
  operation: z.string().optional(),
  sort: z
    .enum(['recoverable', 'severity', 'recent'])
    .default('recoverable')
    .describe(
      'By recoverable time, by severity (within one, first what costs nobody time yet, then by recoverable time), or the latest first',
    ),
})
export const IssueChange = z.strictObject({
  status: z.enum(ISSUE_STATUSES),
  reason: z.string().max(2_000).optional(),
  ignored_until: instant().optional(),
})

export const ProofView = z.object({
  method: z.string(),
  statements: z.array(
    z.object({
      statement: z.string(),
      text: z.string(),
      cost_before: z.number(),
      cost_after: z.number(),
      plan_before: z.array(z.string()),
      plan_after: z.array(z.string()),
      uses_change: z.boolean(),
    }),
  ),
})

/** One comparison of before and after on the application's own measurements. */
export const Comparison = z.object({
  operation: OperationRef,
  metric: z.enum(['p50_ns', 'p95_ns', 'mean_ns', 'db_ns', 'error_ratio', 'throughput']),
  before: z.number(),
  after: z.number(),
  change: z
    .number()
    .describe(
      'Relative change, after / before - 1: negative is faster. Of error_ratio the difference, after - before',
    ),
  change_low: z.number().describe('Lower end of the confidence interval'),
  change_high: z
    .number()
    .nullable()
    .describe('Upper end; null where there were too few blocks to bound it'),
  confidence: z.number().describe('Of the interval, such as 0.95'),
  p_value: z.number(),
  before_count: z.int().describe('Executions'),
  after_count: z.int(),
  before_blocks: z.int().describe('Time blocks, the independent samples of the test'),
  after_blocks: z.int(),
  verdict: z.enum(VERDICTS),
})
export const Impact = z.object({
  verdict: z.enum(VERDICTS),
  reason: z.string().describe('One sentence'),
  before: z.object({ from: instant(), to: instant() }),
  after: z.object({ from: instant(), to: instant() }),
  comparisons: z.array(Comparison),
})

export const Optimization = z.object({
  id: z.string(),
  type: z.string().describe('Kind, such as create-index'),
  title: z.string(),
  description: z.string(),
  status: z.enum(OPTIMIZATION_STATUSES),
  environment: z.string(),
  service: z.string(),
  target_id: z.string(),
  change: z.string().describe('The exact artefact'),
  undo: z.string(),
  risk: z.string(),
  expected_gain: z.object({ low: z.number(), high: z.number() }),
  recoverable_ns_per_hour: z.number(),
  impact: Impact.nullable(),
  failure: z
    .object({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) })
    .nullable(),
  created_at: instant(),
  updated_at: instant(),
  applied_at: instant().nullable(),
})
export const OptimizationDetail = Optimization.extend({
  proof: ProofView,
  operations: z.array(OperationRef),
  issues: z.array(z.object({ id: z.string(), title: z.string(), kind: z.string() })),
  ledger: z.array(LedgerEntry),
  /** p50 and p95 of the first measured operation around the change, for the before/after chart. */
  chart: z.object({
    step_seconds: z.number(),
    applied_at: instant().nullable(),
    points: z.array(
      z.object({
        time: instant(),
        calls: z.number(),
        p50_ns: z.number().nullable(),
        p95_ns: z.number().nullable(),
      }),
    ),
  }),
  allowed: z.array(z.enum(['approve', 'apply', 'dismiss', 'rollback', 'keep'])),
})
export const OptimizationListParams = PageParams.extend({
  status: z.string().optional().describe('One or more statuses, comma-separated'),
  type: z.string().optional(),
  service: z.string().optional(),
  environment: z.string().optional(),
})
/** approve: allow and apply as soon as possible; apply: at once, if approved; keep: keep in spite of the verdict. */
export const OptimizationAction = z.strictObject({ reason: z.string().max(2_000).optional() })

export type LedgerEntry = z.output<typeof LedgerEntry>
export type Issue = z.output<typeof Issue>
export type IssueDetail = z.output<typeof IssueDetail>
export type Comparison = z.output<typeof Comparison>
export type Impact = z.output<typeof Impact>
export type Optimization = z.output<typeof Optimization>
export type OptimizationDetail = z.output<typeof OptimizationDetail>
export type ProofView = z.output<typeof ProofView>
export type IssueListParams = z.output<typeof IssueListParams>
export type IssueChange = z.output<typeof IssueChange>
export type OptimizationListParams = z.output<typeof OptimizationListParams>
export type OptimizationAction = z.output<typeof OptimizationAction>
