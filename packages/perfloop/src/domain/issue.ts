export const ISSUE_STATUSES = [
  'open',
  'acknowledged',
  'in_progress',
  'resolved',
  'ignored',
  'reopened',
] as const
export type IssueStatus = (typeof ISSUE_STATUSES)[number]

/** What a person may do next. `resolved` and `reopened` also happen by themselves (gone, back). */
export const ISSUE_TRANSITIONS: Readonly<Record<IssueStatus, readonly IssueStatus[]>> = {
  open: ['acknowledged', 'in_progress', 'resolved', 'ignored'],
  acknowledged: ['in_progress', 'resolved', 'ignored'],
  in_progress: ['acknowledged', 'resolved', 'ignored'],
  resolved: ['reopened'],
  ignored: ['reopened', 'resolved'],
  reopened: ['acknowledged', 'in_progress', 'resolved', 'ignored'],
}
