import type { HotFunction, ProfileDetail } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type ReactElement, useEffect, useState } from 'react'
import { isOpenProfile, profileQuery } from '../../api/queries.ts'
import { ShareBar } from '../../charts/breakdown-bar.tsx'
import { Badge } from '../../components/badge.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Instant } from '../../components/instant.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { codeOrigin, shortPlace } from '../../flame/code-origin.ts'
import { FlameGraph } from '../../flame/flame-graph.tsx'
import { formatBytes, formatPercent, plural } from '../../format/number.ts'
import { formatProfileValue } from '../../format/profile-value.ts'

const route = getRouteApi('/profiles/$id')
const CRUMBS = [{ label: 'Agents', to: '/agents' }]
const KINDS = { cpu: 'CPU profile', heap: 'Heap profile' } as const
const MOST_FUNCTIONS = 50

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
          <Functions functions={graph.functions} total={graph.root.total} unit={graph.unit} />
        </>
      )}
    </>
  )
}

/** How far it is, by the clock: the agent says nothing until it is done. */
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
        <progress max={duration_ms} value={Math.min(elapsedMs, duration_ms)} aria-label={words} />
        <p>
          {words}. The application goes on as it was; this page shows the profile when it is there.
        </p>
      </div>
    </Panel>
  )
}

function Functions({
  functions,
  total,
  unit,
}: {
  functions: readonly HotFunction[]
  total: number
  unit: string
}): ReactElement {
  const most = Math.max(...functions.map(({ self }) => self), 1)
  const columns: readonly Column<HotFunction>[] = [
    {
      id: 'function',
      label: 'Function',
      width: '50%',
      cell: row => (
        <span className="two-lines">
          <b className="function-name" data-origin={codeOrigin(row)}>
            {row.name}
          </b>
          <small className="quiet" title={row.file}>
            {shortPlace(row)}
          </small>
        </span>
      ),
    },
    {
      id: 'self',
      label: 'Of its own',
      align: 'end',
      cell: row => <ShareBar share={row.self / most} label={formatProfileValue(row.self, unit)} />,
    },
    {
      id: 'self-share',
      label: 'Share',
      align: 'end',
      yields: 1,
      cell: row => formatPercent(row.self / Math.max(total, 1)),
    },
    {
      id: 'total',
      label: 'With what it called',
      align: 'end',
      yields: 2,
      cell: row => formatProfileValue(row.total, unit),
    },
  ]
  return (
    <Panel title="Functions" note="the most of their own first" flush>
      <DataTable
        label="Functions"
        columns={columns}
        rows={functions.slice(0, MOST_FUNCTIONS)}
        rowKey={row => `${row.name} ${row.file}`}
      />
    </Panel>
  )
}
