import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { agentsQuery, profilesQuery } from '../../api/queries.ts'
import { Badge } from '../../components/badge.tsx'
import { Empty } from '../../components/empty.tsx'
import { Ago } from '../../components/instant.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Pager } from '../../components/pager.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton, SkeletonRows } from '../../components/skeleton.tsx'
import { PROFILE_STATUS } from '../../format/profile-status.ts'
import { useListSearch } from '../../scope/use-list-search.ts'
import { useScope } from '../../scope/use-scope.ts'
import { AgentCard } from './agent-card.tsx'

export function AgentsPage(): ReactElement {
  const { environment, service } = useScope()
  const [search, change] = useListSearch()
  const ask = { environment, service }
  const query = useQuery(agentsQuery({ ...ask, page: search.page }))
  return (
    <div className="page">
      <PageHead
        title="Agents"
        meta="Inside your applications: what they run on, what may be turned there, and what their code spends its time on."
      />
      <div className="detail">
        <div>
          {/* On a narrow screen what is below waits out of sight. */}
          <Loaded query={query} skeleton={<Skeleton height={720} />}>
            {({ items, pagination }) =>
              items.length === 0 ? (
                <Panel title="Agents" flush>
                  <Empty icon="agents" title="No agent has reported itself.">
                    Start a Node application with <code>node --import @perfloop/agent app.js</code>;{' '}
                    <Link to="/send">Send data</Link> says where to. Applications that send with an
                    OpenTelemetry SDK are measured all the same, but have no agent.
                  </Empty>
                </Panel>
              ) : (
                <>
                  {items.map(agent => (
                    <AgentCard key={agent.id} agent={agent} />
                  ))}
                  <Pager pagination={pagination} onPage={page => change({ page })} />
                </>
              )
            }
          </Loaded>
        </div>
        <div>
          <Profiles ask={ask} />
        </div>
      </div>
    </div>
  )
}

function Profiles({
  ask,
}: {
  ask: { environment: string | undefined; service: string | undefined }
}): ReactElement {
  const query = useQuery(profilesQuery({ ...ask, origin: 'request', per_page: 15 }))
  return (
    <Panel title="Profiles" note="newest first" flush>
      <Loaded query={query} skeleton={<SkeletonRows rows={4} />}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="flame" title="No profile yet.">
              Take one of an agent that is connected: it costs the application a few percent while
              it lasts.
            </Empty>
          ) : (
            <ul className="profile-rows">
              {items.map(profile => (
                <li key={profile.id}>
                  <Link to="/profiles/$id" params={{ id: profile.id }}>
                    <span className="two-lines">
                      <b>
                        {profile.kind === 'cpu' ? 'CPU' : 'Heap'} of {profile.service}
                      </b>
                      <small className="quiet">
                        <Ago at={profile.requested_at} /> · {profile.duration_ms / 1_000} s ·{' '}
                        {profile.instance}
                      </small>
                    </span>
                    <Badge tone={PROFILE_STATUS[profile.status].tone}>
                      {PROFILE_STATUS[profile.status].label}
                    </Badge>
                  </Link>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  )
}
