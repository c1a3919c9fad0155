import { ISSUE_TRANSITIONS } from '../domain/issue.ts'
import { PerfloopError } from '../domain/perfloop-error.ts'
import type { ControlStore } from '../store/control/control-store.ts'
import type { IssueChange } from './contract/insights.ts'

/** A person's decision about an issue: legal from where it is, written with its reason, in one transaction. */
export async function changeIssue(
  control: ControlStore,
  id: string,
  change: IssueChange,
  actor: string,
  nowUnixMs: number,
): Promise<void> {
  await control.transaction(async store => {
    const issue = await store.issues.get(id)
    if (issue === undefined) throw new PerfloopError('NOT_FOUND', { issue: id })
    const allowed = ISSUE_TRANSITIONS[issue.status]
    if (!allowed.includes(change.status)) {
      throw new PerfloopError('CONFLICT', { issue: id, status: issue.status, allowed })
    }
    const isIgnored = change.status === 'ignored'
    if (isIgnored && change.reason === undefined) {
      throw new PerfloopError('INVALID_REQUEST', { problems: ['reason: say why it is ignored'] })
    }
    await store.issues.update(id, {
      status: change.status,
      ignoreReason: isIgnored ? (change.reason ?? null) : null,
      ignoredUntil: isIgnored ? (change.ignored_until ?? null) : null,
    })
    await store.ledger.append({
      at: new Date(nowUnixMs).toISOString(),
      subjectType: 'issue',
      subjectId: id,
      actor,
      from: issue.status,
      to: change.status,
      reason: change.reason ?? null,
      evidence: change.ignored_until === undefined ? {} : { ignored_until: change.ignored_until },
    })
  })
}
