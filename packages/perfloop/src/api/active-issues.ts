import { ISSUE_STATUSES, type IssueStatus } from '../domain/issue.ts'

/** Issues that still want something of somebody. */
export const ACTIVE_STATUSES: readonly IssueStatus[] = ISSUE_STATUSES.filter(
  status => status !== 'resolved' && status !== 'ignored',
)
