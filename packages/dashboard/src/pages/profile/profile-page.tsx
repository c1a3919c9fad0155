import type { ProfileDetail } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type ReactElement, useEffect, useState } from 'react'
import { perfloop } from '../../api/perfloop.ts'
import { isOpenProfile, profileQuery } from '../../api/queries.ts'
import { Badge } from '../../components/badge.tsx'
import { Empty } from '../../components/empty.tsx'
import { Icon } from '../../components/icon.tsx'
import { Instant } from '../../components/instant.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { FlameGraph } from '../../flame/flame-graph.tsx'
import { FunctionsPanel } from '../../flame/functions-panel.tsx'
import { formatBytes, plural } from '../../format/number.ts'
import { PROFILE_STATUS } from '../../format/profile-status.ts'

const route = getRouteApi('/profiles/$id')
const CRUMBS = [{ label: 'Agents', to: '/agents' }]
const STEPS = ['requested', 'running', 'finished'] as const
const KINDS = { cpu: 'CPU profile', heap: 'Heap profile' } as const

export function ProfilePage(): ReactElement {
  const { id } = route.useParams()
  const query = useQuery(profileQuery(id))
  return (
    <div className="page">
      <Loaded
        query={query}
        skeleton={
          <>
            <PageHead title="Profile" crumbs={CRUMBS} />
            <Skeleton height={520} />
          </>
        }
      >
        {profile => <Body profile={profile} />}
      </Loaded>
    </div>
  )
}

function Body({ profile }: { profile: ProfileDetail }): ReactElement {
  const { kind, service, instance, graph, status, origin } = profile
  return (
    <>
      <PageHead
        title={`${KINDS[kind]} of ${service}`}
        crumbs={CRUMBS}
        meta={
          <>
            <span>{instance}</span> · <Instant at={profile.started_at ?? profile.requested_at} /> ·{' '}
            <span>{profile.duration_ms / 1_000} s</span>
            {status === 'finished' && <span> · {formatBytes(profile.size_bytes)}</span>}
            {origin === 'continuous' && <Badge>continuous</Badge>}
          </>
        }
        actions={
          status === 'finished' ? (
            <a className="button" href={perfloop.profileFileUrl(profile.id)} download>
              <Icon name="download" size={14} /> Download pprof
            </a>
          ) : undefined
        }
      />
      {isOpenProfile(profile) && <Progress profile={profile} />}
      {status === 'failed' && (
        <Panel title="There is no profile">
          <Empty icon="failed" title="It could not be taken.">
            {profile.failure}
          </Empty>
        </Panel>
      )}
      {graph !== null && (
        <>
          <Panel
            title="Flame graph"
            note={`${plural(graph.frames, 'frame')}${graph.hidden > 0 ? `, ${graph.hidden} too small to be shown` : ''}`}
            flush
          >
            {graph.root.total === 0 ? (
              <Empty icon="flame" title="Nothing ran.">
                The process was idle while it was profiled.
              </Empty>
            ) : (
              <FlameGraph root={graph.root} unit={graph.unit} />
            )}
          </Panel>
          <FunctionsPanel functions={graph.functions} total={graph.root.total} unit={graph.unit} />
        </>
      )}
    </>
  )
}

/** How far it is: the steps as they are told, and the time between them by the clock. */
function Progress({ profile }: { profile: ProfileDetail }): ReactElement {
  const [nowMs, setNowMs] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 250)
    return () => clearInterval(timer)
  }, [])
  const { started_at, duration_ms } = profile
  const elapsedMs = started_at === null ? 0 : Math.max(0, nowMs - Date.parse(started_at))
  const leftS = Math.ceil((duration_ms - elapsedMs) / 1_000)
  const words =
    started_at === null
      ? 'Waiting for the agent'
      : leftS > 0
        ? `Profiling, ${leftS} s to go`
        : 'Waiting for the profile to arrive'
  return (
    <Panel title="Taking the profile">
      <div className="profile-progress">
        <ol className="profile-steps" aria-label="Steps">
          {STEPS.map(step => (
            <li key={step} aria-current={step === profile.status ? 'step' : undefined}>
              {PROFILE_STATUS[step].label}
            </li>
          ))}
        </ol>
        <progress max={duration_ms} value={Math.min(elapsedMs, duration_ms)} aria-label={words} />
        <p>
          {words}. The application goes on as it was; this page shows the profile when it is there.
        </p>
      </div>
    </Panel>
  )
}
