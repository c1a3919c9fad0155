import { z } from 'zod'
import { changeIssueStatus } from '../../analysis/change-issue-status.ts'
import { ISSUE_STATUSES, type IssueStatus } from '../../domain/issue.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { ControlStore } from '../../store/control/control-store.ts'
import { ACTIVE_STATUSES } from '../active-issues.ts'
import { Issue, IssueChange, IssueDetail, IssueListParams } from '../contract/insights.ts'
import { defineEndpoint } from '../endpoint.ts'
import { toLimit } from '../page.ts'
import { toIssue, toLedgerEntry } from '../present-issue.ts'

const Id = z.object({ id: z.string() })

/** Optimizations shown with an issue: there are never many for one. */
const MOST_OPTIMIZATIONS = 50

export const issueEndpoints = [
  defineEndpoint({
    name: 'insights.issues',
    method: 'GET',
    path: '/insights/issues',
    summary: 'Issues, by the time that would be won back',
    access: 'read',
    query: IssueListParams,
    data: z.array(Issue),
    paginated: true,
    async answer({ query }, { control }) {
      const page = await control.issues.list({
        ...(query.status !== undefined && { statuses: readStatuses(query.status) }),
        ...(query.severity !== undefined && { minSeverity: query.severity }),
        ...(query.kind !== undefined && { kind: query.kind }),
        ...(query.environment !== undefined && { environment: query.environment }),
        ...(query.service !== undefined && { service: query.service }),
        ...(query.operation !== undefined && { operation: query.operation }),
        sort: query.sort,
        ...toLimit(query),
      })
      return { data: page.rows.map(toIssue), total: page.total }
    },
  }),
  defineEndpoint({
    name: 'insights.issue',
    method: 'GET',
    path: '/insights/issues/:id',
    summary: 'One issue with its evidence, history and what was done about it',
    access: 'read',
    params: Id,
    data: IssueDetail,
    answer: async ({ params }, { control }) => ({
      target: { type: 'issue', id: params.id },
      data: await readIssue(control, params.id),
    }),
  }),
  defineEndpoint({
    name: 'insights.issue.change',
    method: 'PATCH',
    path: '/insights/issues/:id',
    summary: 'Acknowledge, take up, resolve, ignore or reopen an issue',
    access: 'write',
    params: Id,
    body: IssueChange,
    data: IssueDetail,
    async answer({ params, body, actor, nowUnixMs }, { control }) {
      if (body.status === 'ignored' && body.reason === undefined) {
        throw new PerfloopError('INVALID_REQUEST', { problems: ['reason: say why it is ignored'] })
      }
      await changeIssueStatus(control, {
        id: params.id,
        to: body.status,
        actor,
        at: new Date(nowUnixMs).toISOString(),
        ...(body.reason !== undefined && { reason: body.reason }),
        ...(body.ignored_until !== undefined && { ignoredUntil: body.ignored_until }),
      })
      return {
        target: { type: 'issue', id: params.id },
        data: await readIssue(control, params.id),
      }
    },
  }),
]

async function readIssue(control: ControlStore, id: string): Promise<IssueDetail> {
  const issue = await control.issues.get(id)
  if (issue === undefined) throw new PerfloopError('NOT_FOUND', { issue: id })
  const [ledger, history, optimizations] = await Promise.all([
    control.ledger.of('issue', id),
    control.issues.history(id),
    control.optimizations.list({ issueId: id, limit: MOST_OPTIMIZATIONS, offset: 0 }),
  ])
  return {
    ...toIssue(issue),
    ledger: ledger.map(toLedgerEntry),
    history: history.map(point => ({
      at: point.at,
      recoverable_ns_per_hour: point.recoverableNsPerHour,
    })),
    optimizations: optimizations.rows.map(({ id: optimization, title, status }) => ({
      id: optimization,
      title,
      status,
    })),
  }
}

function readStatuses(text: string): readonly IssueStatus[] {
  if (text === 'active') return ACTIVE_STATUSES
  return text.split(',').map(part => {
    const status = ISSUE_STATUSES.find(known => known === part.trim())
    if (status !== undefined) return status
    throw new PerfloopError('INVALID_REQUEST', {
      problems: [`status: active or some of ${ISSUE_STATUSES.join(', ')}, not ${part}`],
    })
  })
}
