import type { Issue, IssueListParams } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { issuesQuery } from '../../api/queries.ts'
import { ShareBar } from '../../charts/breakdown-bar.tsx'
import { IssueStatus } from '../../components/badge.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Ago } from '../../components/instant.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Pager } from '../../components/pager.tsx'
import { Panel } from '../../components/panel.tsx'
import { Segmented } from '../../components/segmented.tsx'
import { Select } from '../../components/select.tsx'
import { Severity } from '../../components/severity.tsx'
import { SkeletonRows } from '../../components/skeleton.tsx'
import { formatDuration } from '../../format/duration.ts'
import { toWords } from '../../format/label.ts'
import { formatCount } from '../../format/number.ts'
import { oneOf } from '../../scope/list-search.ts'
import { useListSearch } from '../../scope/use-list-search.ts'
import { useScope } from '../../scope/use-scope.ts'
import { FullIn } from './full-in.tsx'

const STATUSES = [
  { value: 'active', label: 'Active' },
  { value: 'open,reopened', label: 'New' },
  { value: 'acknowledged,in_progress', label: 'In work' },
  { value: 'resolved', label: 'Resolved' },
  { value: 'ignored', label: 'Ignored' },
] as const
const SEVERITIES = [
  'low',
  'medium',
  'high',
  'critical',
] as const satisfies readonly Issue['severity'][]
const SORTS = [
  'recoverable',
  'severity',
  'recent',
] as const satisfies readonly IssueListParams['sort'][]
const RANKED = {
  recoverable: 'ranked by the time users would get back',
  severity: 'the worst first, then by the time users would get back',
  recent: 'the latest first',
} as const satisfies Record<(typeof SORTS)[number], string>
const KINDS = [
  'n-plus-one',
  'missing-index',
  'slow-statement',
  'slow-operation',
  'error-rate',
  'memory-leak',
  'pool-wait',
  'pool-leak',
  'event-loop-block',
  'repeated-call',
  'large-result',
  'repeated-read',
]

export function IssuesPage(): ReactElement {
  const { environment, service } = useScope()
  const [search, change] = useListSearch()
  const status = STATUSES.find(({ value }) => value === search.status)?.value ?? 'active'
  const sort = oneOf(SORTS, search.sort) ?? 'recoverable'
  const severity = oneOf(SEVERITIES, search.severity)
  const query = useQuery({
    ...issuesQuery({
      status,
      severity,
      sort,
      kind: search.kind,
      environment,
      service,
      operation: search.op,
      page: search.page,
      per_page: 50,
    }),
    refetchInterval: 30_000,
  })
  const isFiltered = severity !== undefined || search.kind !== undefined || service !== undefined
  return (
    <div className="page">
      <PageHead title="Issues" />
      <div className="filters">
        <Segmented
          label="Status"
          choices={STATUSES}
          value={status}
          onChoose={value => change({ status: value === 'active' ? undefined : value })}
        />
        <Select
          label="Severity"
          value={severity ?? ''}
          options={[
            { value: '', label: 'Any severity' },
            ...SEVERITIES.slice(1).map(value => ({
              value,
              label: value === 'critical' ? 'Critical' : `${toWords(value)} and above`,
            })),
          ]}
          onChoose={value => change({ severity: value === '' ? undefined : value })}
        />
        <Select
          label="Kind"
          value={search.kind ?? ''}
          options={[
            { value: '', label: 'Any kind' },
            ...KINDS.map(value => ({ value, label: toWords(value) })),
          ]}
          onChoose={value => change({ kind: value === '' ? undefined : value })}
        />
      </div>
      <Panel
        title="Issues"
        note={
          query.data === undefined
            ? undefined
            : `${formatCount(query.data.pagination.total)} · ${RANKED[sort]}`
        }
        flush
      >
        <Loaded query={query} skeleton={<SkeletonRows rows={10} />}>
          {({ items, pagination }) =>
            items.length === 0 ? (
              <Empty
                icon="check"
                title={isFiltered ? 'No issue fits the filters.' : 'Nothing here.'}
              >
                {status === 'active'
                  ? 'Perfloop judges every window of traffic against the thresholds in the settings. What it finds appears here by itself.'
                  : 'Issues of this status will be listed here.'}
              </Empty>
            ) : (
              <>
                <IssueTable
                  issues={items}
                  sort={sort}
                  onSort={next => change({ sort: next === 'recoverable' ? undefined : next })}
                />
                <Pager pagination={pagination} onPage={page => change({ page })} />
              </>
            )
          }
        </Loaded>
      </Panel>
    </div>
  )
}

function IssueTable({
  issues,
  sort,
  onSort,
}: {
  issues: readonly Issue[]
  sort: string
  onSort: (sort: string) => void
}): ReactElement {
  const most = Math.max(...issues.map(issue => issue.recoverable_ns_per_hour), 1)
  const columns: readonly Column<Issue>[] = [
    {
      id: 'issue',
      label: 'Issue',
      width: '52%',
      cell: issue => (
        <span className="issue-cell">
          <Severity severity={issue.severity} />
          <span className="two-lines">
            <b>{issue.title}</b>
            <small>
              {toWords(issue.kind)} · {issue.service}
              {issue.operation === '' ? '' : ` · ${issue.operation}`}
            </small>
          </span>
        </span>
      ),
    },
    {
      id: 'gain',
      label: 'Recoverable per hour',
      sort: 'recoverable',
      align: 'end',
      cell: issue =>
        issue.recoverable_ns_per_hour > 0 ? (
          <ShareBar
            share={issue.recoverable_ns_per_hour / most}
            label={formatDuration(issue.recoverable_ns_per_hour)}
          />
        ) : (
          <FullIn issue={issue} />
        ),
    },
    {
      id: 'severity',
      label: 'Severity',
      sort: 'severity',
      yields: 2,
      cell: issue => toWords(issue.severity),
    },
    {
      id: 'status',
      label: 'Status',
      yields: 1,
      cell: issue => <IssueStatus status={issue.status} />,
    },
    { id: 'environment', label: 'Environment', yields: 2, cell: issue => issue.environment },
    {
      id: 'seen',
      label: 'Last seen',
      sort: 'recent',
      align: 'end',
      yields: 1,
      cell: issue => <Ago at={issue.last_seen} />,
    },
  ]
  return (
    <DataTable
      label="Issues"
      columns={columns}
      rows={issues}
      rowKey={issue => issue.id}
      rowLink={issue => ({ to: `/issues/${issue.id}` })}
      sort={sort}
      onSort={onSort}
    />
  )
}
