import type { RuntimeService } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import {
  eventLoopBlocksQuery,
  issuesQuery,
  runtimeMemoryQuery,
  runtimeQuery,
  runtimeServicesQuery,
  runtimesQuery,
} from '../../api/queries.ts'
import { useRuntimeNews } from '../../api/use-runtime-news.ts'
import { Badge } from '../../components/badge.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Ago } from '../../components/instant.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { Select } from '../../components/select.tsx'
import { Skeleton, SkeletonRows } from '../../components/skeleton.tsx'
import { formatCount, plural } from '../../format/number.ts'
import { useScope } from '../../scope/use-scope.ts'
import { isOfRuntime } from '../issue/runtime-issue.ts'
import { IssueRows } from '../issues/issue-rows.tsx'
import { EventLoopBlocks } from './event-loop-blocks.tsx'
import { instanceName } from './instance-name.ts'
import { NoRuntime } from './no-runtime.tsx'
import { RuntimeFigures } from './runtime-figures.tsx'
import { RuntimePanels } from './runtime-panels.tsx'

const route = getRouteApi('/runtime')
const MOST_LISTED = 200
/** A verdict on a day does not change by the second. */
const MEMORY_REFETCH_MS = 300_000

/** The processes of one service; where there are several services, which one. */
export function RuntimePage(): ReactElement {
  const { ask, range } = useScope()
  useRuntimeNews(range.refetchMs === false)
  const query = useQuery({
    ...runtimeServicesQuery({ ...ask, per_page: MOST_LISTED }),
    refetchInterval: range.refetchMs,
  })
  const services = query.data?.items ?? []
  const [only] = services
  if (services.length === 1 && only !== undefined) return <ServiceRuntime service={only} />
  return (
    <div className="page">
      <PageHead
        title="Runtime"
        meta="What the processes of a service need: CPU, memory, event loop, connection pools."
      />
      <Loaded query={query} skeleton={<SkeletonRows rows={6} />}>
        {() =>
          services.length === 0 ? (
            <NoRuntime title="Services" />
          ) : (
            <Panel title="Services" flush>
              <DataTable
                label="Services"
                columns={COLUMNS}
                rows={services}
                rowKey={row => `${row.environment} ${row.service}`}
                rowLink={row => ({
                  to: '/runtime',
                  search: { env: row.environment, svc: row.service },
                })}
              />
            </Panel>
          )
        }
      </Loaded>
    </div>
  )
}

const COLUMNS: readonly Column<RuntimeService>[] = [
  {
    id: 'service',
    label: 'Service',
    width: '34%',
    cell: row => (
      <span className="two-lines">
        <b>{row.service}</b>
        <small>{row.environment}</small>
      </span>
    ),
  },
  { id: 'runtime', label: 'Runs on', yields: 1, cell: row => runtimesOf(row) },
  { id: 'instances', label: 'Instances', align: 'end', cell: row => formatCount(row.instances) },
  {
    id: 'seen',
    label: 'Last heard of',
    align: 'end',
    cell: row => <Ago at={row.last_seen} />,
  },
]

function ServiceRuntime({ service: known }: { service: RuntimeService }): ReactElement {
  const { ask, range } = useScope()
  const { instance } = route.useSearch()
  const navigate = route.useNavigate()
  const { environment, service } = known
  const asked = { ...ask, environment, service, instance }
  const listed = useQuery({
    ...runtimesQuery({ ...ask, environment, service, per_page: MOST_LISTED }),
    refetchInterval: range.refetchMs,
  })
  const names = listed.data?.items.map(one => one.instance) ?? []
  const query = useQuery({ ...runtimeQuery(asked), refetchInterval: range.refetchMs })
  const blocks = useQuery({ ...eventLoopBlocksQuery(asked), refetchInterval: range.refetchMs })
  const memory = useQuery({
    ...runtimeMemoryQuery({ environment, service }),
    refetchInterval: MEMORY_REFETCH_MS,
  })
  const memoryShown = (memory.data ?? []).filter(
    one => instance === undefined || one.instance === instance,
  )
  const runtime = query.data
  const hidden = (runtime?.instances_total ?? 0) - (runtime?.instances.length ?? 0)
  return (
    <div className="page">
      <PageHead
        title={`Runtime of ${service}`}
        crumbs={[{ label: 'Runtime', to: '/runtime', search: { svc: undefined, env: undefined } }]}
        meta={
          <>
            <Badge>{environment}</Badge>
            <span>{runtimesOf(known)}</span>
            {hidden > 0 && <span>{plural(hidden, 'earlier instance')} not shown</span>}
            <Link
              to="/operations"
              search={{ env: environment, svc: service }}
              className="text-link"
            >
              Operations
            </Link>
            <Link to="/code" search={{ env: environment, svc: service }} className="text-link">
              Hot code
            </Link>
          </>
        }
        actions={
          <Select
            label="Instance"
            value={instance ?? ''}
            options={[
              { value: '', label: `All instances (${formatCount(known.instances)})` },
              ...names.map(name => ({ value: name, label: instanceName(name, names) })),
            ]}
            onChoose={value =>
              void navigate({
                search: (before: Record<string, unknown>) => ({
                  ...before,
                  instance: value === '' ? undefined : value,
                }),
                resetScroll: false,
              } as never)
            }
          />
        }
      />
      <RuntimeFigures runtime={runtime} memory={memoryShown} />
      <Loaded query={query} skeleton={<Skeleton height={1_180} />}>
        {data =>
          data.instances.length === 0 ? (
            <NoRuntime title={service} />
          ) : (
            <RuntimePanels runtime={data} />
          )
        }
      </Loaded>
      {runtime !== undefined && runtime.instances.length > 0 && (
        <RuntimeIssues environment={environment} service={service} />
      )}
      {(runtime?.event_loop_delay_ns.length ?? 0) > 0 && (
        <Loaded query={blocks} skeleton={<Skeleton height={120} />}>
          {({ items }) => <EventLoopBlocks blocks={items} />}
        </Loaded>
      )}
    </div>
  )
}

/** What the analyzers found in all this; nothing where they found nothing. */
function RuntimeIssues(scope: { environment: string; service: string }): ReactElement | null {
  const query = useQuery(issuesQuery({ status: 'active', ...scope, per_page: MOST_LISTED }))
  const found = query.data?.items.filter(isOfRuntime) ?? []
  if (found.length === 0) return null
  return (
    <Panel title="Issues" note="of memory, pools and the event loop" flush>
      <IssueRows issues={found} />
    </Panel>
  )
}

const RUNTIMES: Readonly<Record<string, string>> = {
  nodejs: 'Node.js',
  cpython: 'Python',
  python: 'Python',
  java: 'Java',
}

function runtimesOf({ runtimes }: RuntimeService): string {
  const names = runtimes.map(({ runtime, runtime_version: version }) =>
    `${RUNTIMES[runtime] ?? runtime} ${version ?? ''}`.trim(),
  )
  return [...new Set(names)].join(', ') || 'not told'
}
