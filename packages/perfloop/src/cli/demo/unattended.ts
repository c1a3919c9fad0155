import { setTimeout as sleep } from 'node:timers/promises'
import type { Comparison, Issue, Optimization } from '../../api/contract/insights.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { DemoApi } from './demo-api.ts'

export interface UnattendedOptions {
  /** Kind of optimization whose proposals are approved; undefined: none. */
  readonly approve: string | undefined
  readonly forMs: number
  /** How long the shop runs before anything is changed: an effect needs something to be compared with. */
  readonly beforeMs: number
  readonly pollMs: number
  readonly signal: AbortSignal
  readonly nowMs: () => number
}

/** Nothing more happens to an optimization in these by itself. */
const FINAL: ReadonlySet<string> = new Set([
  'verified',
  'rolled_back',
  'failed',
  'dismissed',
  'manual_required',
])

/**
 * Plays the person in front of the dashboard: approves what is proposed, waits for the verdicts. Ends when
 * every approved change has its verdict and one of them is verified, or when the time is over.
 */
export async function attend(api: DemoApi, options: UnattendedOptions): Promise<void> {
  const beganMs = options.nowMs()
  const endsAtMs = beganMs + options.forMs
  const approved = new Set<string>()
  while (options.nowMs() < endsAtMs && !options.signal.aborted) {
    if (options.approve !== undefined && options.nowMs() >= beganMs + options.beforeMs) {
      const optimizations = await api.optimizations()
      await approveAndApply(api, optimizations, options.approve, approved)
      if (isProven(optimizations, approved)) return
    }
    const restMs = Math.min(options.pollMs, Math.max(0, endsAtMs - options.nowMs()))
    await sleep(restMs, undefined, { signal: options.signal }).catch(() => {})
  }
}

/** Perfloop's own policy is to observe: it waits for both steps, and so does the demo. */
async function approveAndApply(
  api: DemoApi,
  optimizations: readonly Optimization[],
  kind: string,
  approved: Set<string>,
): Promise<void> {
  for (const { id, type, status } of optimizations) {
    if (type !== kind) continue
    if (status === 'proposed') await attempt(api.step(id, 'approve'))
    if (status === 'approved') await attempt(api.step(id, 'apply'))
    approved.add(id)
  }
}

/** It may be gone or changed since it was listed, or must wait for another one; the next look tells. */
async function attempt(step: Promise<void>): Promise<void> {
  await step.catch((error: unknown) => {
    if (!(error instanceof PerfloopError)) throw error
  })
}

function isProven(optimizations: readonly Optimization[], approved: ReadonlySet<string>): boolean {
  const ours = optimizations.filter(({ id }) => approved.has(id))
  return (
    ours.some(({ status }) => status === 'verified') &&
    ours.every(({ status }) => FINAL.has(status))
  )
}

// ── What to report ─────────────────────────────────────────────────────────

export interface DemoReport {
  readonly found: readonly {
    readonly kind: string
    readonly severity: string
    readonly title: string
    readonly service: string
    readonly operation: string
    readonly status: string
    readonly recoverable_ms_per_hour: number
  }[]
  /** What was recommended and not applied, with what became of it. */
  readonly proposed: readonly {
    readonly id: string
    readonly type: string
    readonly title: string
    readonly status: string
    readonly failure: string | null
  }[]
  readonly applied: readonly {
    readonly id: string
    readonly type: string
    readonly title: string
    readonly change: string
    readonly undo: string
    readonly status: string
    readonly applied_at: string
  }[]
  readonly verified: readonly {
    readonly id: string
    readonly title: string
    readonly verdict: string
    readonly reason: string
    readonly change: readonly MeasuredChange[]
  }[]
  readonly duration_s: number
  /** Numbers of each component's health, as the server tells them. */
  readonly server: Readonly<Record<string, Readonly<Record<string, number>>>>
}

interface MeasuredChange {
  readonly operation: string
  readonly metric: string
  readonly before: number
  readonly after: number
  /** after / before − 1 with its confidence interval: negative is faster. No upper end: too few blocks. */
  readonly change: number
  readonly interval: readonly [low: number, high: number | null]
  readonly confidence: number
  readonly p_value: number
}

export async function report(
  api: DemoApi,
  durationS: number,
  startMs: number,
): Promise<DemoReport> {
  const [issues, optimizations, health] = await Promise.all([
    api.issues(),
    api.optimizations(),
    api.health(),
  ])
  const components = health.components.map(({ component, numbers }) => [component, numbers])
  return {
    found: issues.map(toFound),
    proposed: optimizations.flatMap(toProposed),
    applied: optimizations.flatMap(toApplied),
    verified: optimizations.flatMap(toVerified),
    duration_s: durationS,
    server: { start: { ready_ms: Math.round(startMs) }, ...Object.fromEntries(components) },
  }
}

function toFound(issue: Issue): DemoReport['found'][number] {
  const { kind, severity, title, service, operation, status } = issue
  const recoverable = Math.round(issue.recoverable_ns_per_hour / 1e6)
  return { kind, severity, title, service, operation, status, recoverable_ms_per_hour: recoverable }
}

function toProposed(optimization: Optimization): DemoReport['proposed'] {
  const { id, type, title, status, failure } = optimization
  if (optimization.applied_at !== null) return []
  return [{ id, type, title, status, failure: failure?.message ?? null }]
}

function toApplied(optimization: Optimization): DemoReport['applied'] {
  const { id, type, title, change, undo, status, applied_at: appliedAt } = optimization
  return appliedAt === null
    ? []
    : [{ id, type, title, change, undo, status, applied_at: appliedAt }]
}

function toVerified(optimization: Optimization): DemoReport['verified'] {
  const { id, title, status, impact } = optimization
  if (status !== 'verified' || impact === null) return []
  const { verdict, reason, comparisons } = impact
  return [{ id, title, verdict, reason, change: comparisons.map(toChange) }]
}

function toChange(comparison: Comparison): MeasuredChange {
  return {
    operation: comparison.operation.operation,
    metric: comparison.metric,
    before: comparison.before,
    after: comparison.after,
    change: comparison.change,
    interval: [comparison.change_low, comparison.change_high],
    confidence: comparison.confidence,
    p_value: comparison.p_value,
  }
}
