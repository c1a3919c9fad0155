import { ISSUE_TRANSITIONS, type IssueStatus } from '../domain/issue.ts'
import { PerfloopError } from '../domain/perfloop-error.ts'
import type { ControlStore, IssueRecord } from '../store/control/control-store.ts'

export interface IssueStatusChange {
  readonly id: string
  readonly to: IssueStatus
  /** admin, perfloop, or the name of a policy. */
  readonly actor: string
  readonly at: string
  readonly reason?: string
  /** For `ignored`: when it speaks up again; never when left out. */
  readonly ignoredUntil?: string
  readonly evidence?: Readonly<Record<string, unknown>>
}

/** The only way an issue changes its status: along the legal steps, with its ledger entry or not at all. */
export async function changeIssueStatus(
  store: ControlStore,
  change: IssueStatusChange,
): Promise<IssueRecord> {
  return await store.transaction(async inner => {
    const issue = await inner.issues.get(change.id)
    if (issue === undefined) throw new PerfloopError('NOT_FOUND', { issue: change.id })
    const { status: from } = issue
    const reason = change.reason ?? null
    if (!ISSUE_TRANSITIONS[from].includes(change.to)) {
      throw new PerfloopError('CONFLICT', {
        issue: issue.id,
        from,
        to: change.to,
        allowed: ISSUE_TRANSITIONS[from],
      })
    }
    const ignored = change.to === 'ignored'
    await inner.issues.update(issue.id, {
      status: change.to,
      ignoredUntil: ignored ? (change.ignoredUntil ?? null) : null,
      ignoreReason: ignored ? reason : null,
    })
    await inner.ledger.append({
      at: change.at,
      subjectType: 'issue',
      subjectId: issue.id,
      actor: change.actor,
      from,
      to: change.to,
      reason,
      evidence: change.evidence ?? {},
    })
    const changed = await inner.issues.get(issue.id)
    if (changed === undefined) throw new PerfloopError('NOT_FOUND', { issue: change.id })
    return changed
  })
}
