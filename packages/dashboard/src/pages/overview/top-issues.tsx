import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { issuesQuery } from '../../api/queries.ts'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { useScope } from '../../scope/use-scope.ts'
import { IssueRows } from '../issues/issue-rows.tsx'

export function TopIssues(): ReactElement {
  const { environment, service } = useScope()
  const query = useQuery(issuesQuery({ status: 'active', environment, service, per_page: 6 }))
  return (
    <Panel
      title="Top issues"
      note="by recoverable time"
      flush
      actions={
        <Link to="/issues" className="text-link">
          All issues
        </Link>
      }
    >
      <Loaded query={query} skeleton={<Skeleton height={260} />}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="check" title="No open issue.">
              Perfloop looks at every window of traffic; what it finds appears here, worst first.
            </Empty>
          ) : (
            <IssueRows issues={items} />
          )
        }
      </Loaded>
    </Panel>
  )
}
