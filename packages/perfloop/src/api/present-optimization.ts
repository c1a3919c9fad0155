import { z } from 'zod'
import { SPAN_KINDS } from '../domain/span.ts'
import type { ControlStore, OptimizationRecord } from '../store/control/control-store.ts'
import { redSeries } from '../store/telemetry/queries/red-series.query.ts'
import { stepRange } from '../store/telemetry/queries/rollup-range.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import { Impact, Optimization, type OptimizationDetail } from './contract/insights.ts'
import { toLedgerEntry } from './present-issue.ts'
import { toSeries } from './present-red.ts'

/** A recommendation as the control store keeps it: JSON that the optimizer wrote. */
const KeptRecommendation = z.object({
  proof: z.object({
    method: z.string(),
    statements: z.array(
      z.object({
        statement: z.string(),
        text: z.string(),
        costBefore: z.number(),
        costAfter: z.number(),
        planBefore: z.array(z.string()),
        planAfter: z.array(z.string()),
        usesChange: z.boolean(),
      }),
    ),
  }),
  operations: z.array(
    z.object({
      environment: z.string(),
      service: z.string(),
      operation: z.string(),
      kind: z.enum(SPAN_KINDS),
    }),
  ),
})

const Failure = Optimization.shape.failure

export function toOptimization(record: OptimizationRecord): Optimization {
  return {
    id: record.id,
    type: record.type,
    title: record.title,
    description: record.description,
    status: record.status,
    environment: record.environment,
    service: record.service,
    target_id: record.targetId,
    change: record.change,
    undo: record.undo,
    risk: record.risk,
    expected_gain: { ...record.expectedGain },
    recoverable_ns_per_hour: record.recoverableNsPerHour,
    impact: record.impact === null ? null : Impact.parse(record.impact),
    failure: record.failure === null ? null : Failure.parse(record.failure),
    created_at: record.createdAt,
    updated_at: record.updatedAt,
    applied_at: record.appliedAt,
  }
}

export async function toOptimizationDetail(
  record: OptimizationRecord,
  allowed: OptimizationDetail['allowed'],
  { control, telemetry }: { control: ControlStore; telemetry: TelemetryStore },
  nowUnixMs: number,
): Promise<OptimizationDetail> {
  const { proof, operations } = KeptRecommendation.parse(record.recommendation)
  const [ledger, issues, chart] = await Promise.all([
    control.ledger.of('optimization', record.id),
    Promise.all(record.issueIds.map(id => control.issues.get(id))),
    chartAround(record, operations[0], telemetry, nowUnixMs),
  ])
  return {
    ...toOptimization(record),
    proof: {
      method: proof.method,
      statements: proof.statements.map(statement => ({
        statement: statement.statement,
        text: statement.text,
        cost_before: statement.costBefore,
        cost_after: statement.costAfter,
        plan_before: statement.planBefore,
        plan_after: statement.planAfter,
        uses_change: statement.usesChange,
      })),
    },
    operations,
    issues: issues.flatMap(issue =>
      issue === undefined ? [] : [{ id: issue.id, title: issue.title, kind: issue.kind }],
    ),
    ledger: ledger.map(toLedgerEntry),
    chart,
    allowed,
  }
}

const SHORTEST_AROUND_MS = 5 * 60_000
const LONGEST_AROUND_MS = 24 * 3_600_000

/** What is around the windows that were compared; until there are any, the time since the change. */
function aroundMsOf(record: OptimizationRecord, centerUnixMs: number, nowUnixMs: number): number {
  const impact = Impact.safeParse(record.impact)
  const wantedMs = impact.success
    ? 2 * Math.max(...[impact.data.before, impact.data.after].map(lengthMsOf))
    : nowUnixMs - centerUnixMs
  return Math.min(Math.max(wantedMs, SHORTEST_AROUND_MS), LONGEST_AROUND_MS)
}

function lengthMsOf({ from, to }: { readonly from: string; readonly to: string }): number {
  return Date.parse(to) - Date.parse(from)
}

/** As long before the change as after it, so that both sides can be compared by eye. */
async function chartAround(
  record: OptimizationRecord,
  operation: z.output<typeof KeptRecommendation>['operations'][number] | undefined,
  telemetry: TelemetryStore,
  nowUnixMs: number,
): Promise<OptimizationDetail['chart']> {
  const applied_at = record.appliedAt
  if (operation === undefined) return { step_seconds: 60, applied_at, points: [] }
  const centerUnixMs = applied_at === null ? nowUnixMs : Date.parse(applied_at)
  const aroundMs = aroundMsOf(record, centerUnixMs, nowUnixMs)
  const steps = stepRange(centerUnixMs - aroundMs, Math.min(centerUnixMs + aroundMs, nowUnixMs))
  const rows = await telemetry.run(redSeries, { ...steps, ...operation })
  const series = toSeries(steps, rows, [])
  return {
    step_seconds: series.step_seconds,
    applied_at,
    points: series.points.map(({ time, calls, p50_ns, p95_ns }) => ({
      time,
      calls,
      p50_ns,
      p95_ns,
    })),
  }
}
