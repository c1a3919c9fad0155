import { randomUUID } from 'node:crypto'
import type { IssueStatus } from '../domain/issue.ts'
import type { ControlStore, IssueRecord } from '../store/control/control-store.ts'
import type { Finding, Window } from './analyzer.ts'
import { changeIssueStatus } from './change-issue-status.ts'
import type { ExplainedFinding } from './explain-findings.ts'
import { byUrgency } from './urgency.ts'

/** A finding with the kind of the analyzer that made it. */
export interface KindOfFinding {
  readonly kind: string
  readonly finding: Finding
}

export interface TrackedWindow {
  readonly control: ControlStore
  readonly window: Window
  readonly findings: readonly KindOfFinding[]
  /** Seen, but only what another finding shows as well: no issues of their own. */
  readonly explained?: readonly ExplainedFinding[]
  /** Whether a kind judged this window and would have told of this service: only then its silence means something. */
  isWatched(kind: string, environment: string, service: string): boolean
  /** Executions of an operation in the window. */
  calls(environment: string, service: string, operation: string): number
  readonly quietMs: number
  readonly quietMinCalls: number
}

/** Ids of issues, by what became of them. */
export interface TrackReport {
  readonly opened: readonly string[]
  readonly updated: readonly string[]
  readonly reopened: readonly string[]
  readonly resolved: readonly string[]
}

/** By itself, as the ledger names Perfloop. */
const ACTOR = 'perfloop'
const ACTIVE: readonly IssueStatus[] = ['open', 'acknowledged', 'in_progress', 'reopened']
const QUIET_PAGE = 500

type Outcome = 'opened' | 'updated' | 'reopened' | 'unchanged'

/**
 * Findings and history → issues. The same problem is one issue, however many windows and executions show it:
 * (kind, environment, service, operation, subject). Nothing depends on how often a window is tracked.
 */
export async function trackIssues(tracked: TrackedWindow): Promise<TrackReport> {
  return await tracked.control.transaction(async control => {
    const report = {
      opened: [] as string[],
      updated: [] as string[],
      reopened: [] as string[],
      unchanged: [] as string[],
    }
    const taken = new Set<string>()
    for (const { kind, finding } of mostUrgentFirst(tracked.findings)) {
      const known = await knownIssue(control, kind, finding, taken)
      const id = known?.id ?? randomUUID()
      // Two findings of one identity in one window: the more urgent speaks for both.
      if (taken.has(id)) continue
      taken.add(id)
      const outcome =
        known === undefined
          ? await open(control, id, kind, finding, tracked.window)
          : await meetAgain(control, known, finding, tracked.window)
      report[outcome].push(id)
    }
    const explained = await resolveExplained({ ...tracked, control }, taken)
    const quiet = await resolveQuiet({ ...tracked, control }, taken)
    const { opened, updated, reopened } = report
    return { opened, updated, reopened, resolved: [...explained, ...quiet] }
  })
}

function mostUrgentFirst(findings: readonly KindOfFinding[]): readonly KindOfFinding[] {
  return findings.toSorted((a, b) => byUrgency(a.finding, b.finding))
}

async function knownIssue(
  control: ControlStore,
  kind: string,
  finding: Finding,
  taken: ReadonlySet<string>,
): Promise<IssueRecord | undefined> {
  const { environment, service, operation, subject: fingerprint } = finding
  const exact = await control.issues.findByIdentity({
    kind,
    environment,
    service,
    operation,
    fingerprint,
  })
  if (exact !== undefined || finding.operationIsIncidental !== true) return exact
  const { rows } = await control.issues.list({
    kind,
    environment,
    service,
    fingerprint,
    sort: 'recent',
    limit: 10,
    offset: 0,
  })
  return rows.find(({ id }) => !taken.has(id))
}

async function open(
  control: ControlStore,
  id: string,
  kind: string,
  finding: Finding,
  window: Window,
): Promise<Outcome> {
  const at = endOf(window)
  await control.issues.insert({
    id,
    kind,
    ...fields(finding),
    status: 'open',
    environment: finding.environment,
    service: finding.service,
    fingerprint: finding.subject,
    windowsSeen: 1,
    firstSeen: at,
    lastSeen: at,
    ignoredUntil: null,
    ignoreReason: null,
    createdAt: at,
    updatedAt: at,
  })
  await control.issues.appendHistory(id, at, finding.recoverableNsPerHour)
  await control.ledger.append({
    at,
    subjectType: 'issue',
    subjectId: id,
    actor: ACTOR,
    from: null,
    to: 'open',
    reason: 'found',
    evidence: { trace_id: finding.traceId, recoverable_ns_per_hour: finding.recoverableNsPerHour },
  })
  return 'opened'
}

async function meetAgain(
  control: ControlStore,
  issue: IssueRecord,
  finding: Finding,
  window: Window,
): Promise<Outcome> {
  const at = endOf(window)
  if (issue.lastSeen >= at) return 'unchanged'
  // Windows overlap: what is seen may be from before it was resolved. Its return is what lies wholly after.
  if (issue.status === 'resolved' && startOf(window) < issue.updatedAt) return 'unchanged'

  const back =
    issue.status === 'resolved' ||
    (issue.status === 'ignored' && issue.ignoredUntil !== null && issue.ignoredUntil <= at)
  if (back) {
    await changeIssueStatus(control, {
      id: issue.id,
      to: 'reopened',
      actor: ACTOR,
      at,
      reason: issue.status === 'resolved' ? 'back again' : 'its time of being ignored is over',
      evidence: { trace_id: finding.traceId },
    })
  }
  await control.issues.update(issue.id, {
    ...fields(finding),
    windowsSeen: issue.windowsSeen + 1,
    lastSeen: at,
  })
  await control.issues.appendHistory(issue.id, at, finding.recoverableNsPerHour)
  return back ? 'reopened' : 'updated'
}

/** What each window tells anew. */
function fields(finding: Finding) {
  return {
    title: finding.title,
    description: finding.description,
    severity: finding.severity,
    operation: finding.operation,
    operationKind: finding.operationKind,
    statement: finding.statement ?? null,
    statementText: finding.statementText ?? null,
    codeLocation: finding.codeLocation ?? null,
    confidence: finding.confidence,
    recoverableNsPerHour: finding.recoverableNsPerHour,
    evidence: finding.evidence,
    exemplarTrace: finding.traceId,
    exemplarSpans: finding.spanIds,
  }
}

/**
 * A symptom often shows before its cause does: a plan takes a minute to be told. When the cause is found, the
 * issue of the symptom is closed in its favour.
 */
async function resolveExplained(
  { control, window, explained = [] }: TrackedWindow,
  seen: ReadonlySet<string>,
): Promise<readonly string[]> {
  const resolved: string[] = []
  for (const { kind, finding, by } of explained) {
    const issue = await knownIssue(control, kind, finding, seen)
    const cause = await knownIssue(control, by.kind, by.finding, new Set())
    const isStanding = issue !== undefined && ACTIVE.includes(issue.status)
    if (!isStanding || seen.has(issue.id) || cause === undefined) continue
    await changeIssueStatus(control, {
      id: issue.id,
      to: 'resolved',
      actor: ACTOR,
      at: endOf(window),
      reason: `explained by: ${cause.title}`,
      evidence: { explained_by: cause.id, trace_id: finding.traceId },
    })
    resolved.push(issue.id)
  }
  return resolved
}

/**
 * What was not seen for long enough is resolved, but only where it would have been seen: its analyzer judged
 * this window and its operation was executed often enough in it. An operation nobody calls keeps its issues.
 */
async function resolveQuiet(
  tracked: TrackedWindow,
  seen: ReadonlySet<string>,
): Promise<readonly string[]> {
  const { control, window } = tracked
  const at = endOf(window)
  const lastSeenBefore = new Date(Date.parse(at) - tracked.quietMs + 1).toISOString()
  const quiet: IssueRecord[] = []
  for (let offset = 0; ; offset += QUIET_PAGE) {
    const page = await control.issues.list({
      statuses: ACTIVE,
      lastSeenBefore,
      limit: QUIET_PAGE,
      offset,
    })
    quiet.push(...page.rows)
    if (page.rows.length < QUIET_PAGE) break
  }

  const resolved: string[] = []
  for (const issue of quiet) {
    const calls = tracked.calls(issue.environment, issue.service, issue.operation)
    const isRequest = issue.operationKind === 'server' || issue.operationKind === 'consumer'
    const wouldBeSeen = calls >= (isRequest ? tracked.quietMinCalls : 1)
    const isWatched = tracked.isWatched(issue.kind, issue.environment, issue.service)
    if (seen.has(issue.id) || !isWatched || !wouldBeSeen) continue
    await changeIssueStatus(control, {
      id: issue.id,
      to: 'resolved',
      actor: ACTOR,
      at,
      reason: 'gone',
      evidence: { last_seen: issue.lastSeen, executions_without_it: calls },
    })
    resolved.push(issue.id)
  }
  return resolved
}

function startOf(window: Window): string {
  return instant(window.fromUnixNs)
}

function endOf(window: Window): string {
  return instant(window.toUnixNs)
}

function instant(unixNs: bigint): string {
  return new Date(Number(unixNs / 1_000_000n)).toISOString()
}
