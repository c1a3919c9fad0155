import type { ConnectionPool, Runtime } from '@perfloop/client'
import type { ReactElement } from 'react'
import type { ChartSpec } from '../../charts/chart-spec.ts'
import { TimeChart } from '../../charts/time-chart.tsx'
import { Panel } from '../../components/panel.tsx'
import { formatBytes } from '../../format/number.ts'
import { useChooseRange } from '../../shell/range-picker.tsx'
import {
  collectionChart,
  connectionsChart,
  countChart,
  cpuChart,
  delayChart,
  heapChart,
  heapFloorChart,
  hostChart,
  isTold,
  latestSum,
  livingLines,
  memoryChart,
  pauseChart,
  resourcesChart,
  utilizationChart,
  waitChart,
} from './runtime-charts.ts'

const HEIGHT = 170

/** Only what is told: a Python process has no event loop, a Java process no open resources. */
export function RuntimePanels({ runtime }: { runtime: Runtime }): ReactElement {
  const measured = runtime.gc.some(({ paused_ratio }) => isTold(paused_ratio))
  const limit = latestSum(livingLines(runtime, runtime.heap_limit_bytes))
  const { heap_used_bytes: heap, gc, pools } = runtime
  return (
    <div className="charts">
      {runtime.cpu_cores.length > 0 && (
        <Chart title="CPU" note="cores busy, by instance" spec={cpuChart(runtime)} />
      )}
      {runtime.memory_bytes.length > 0 && (
        <Chart title="Memory" note="resident, by instance" spec={memoryChart(runtime)} />
      )}
      {heap.length > 0 && (
        <Chart
          title="Heap in use"
          note={limit === undefined ? 'by space' : `by space; at most ${formatBytes(limit)}`}
          spec={heapChart(runtime)}
        />
      )}
      {runtime.heap_floor_bytes.length > 0 && (
        <Chart
          title="Heap after collections"
          note="a floor that keeps rising is a leak"
          spec={heapFloorChart(runtime)}
          emptyText="No full collection happened in this range."
        />
      )}
      {gc.length > 0 && (
        <Chart
          title="Garbage collection"
          note={measured ? 'share of the time paused, by kind' : 'collections, by generation'}
          spec={collectionChart(runtime)}
        />
      )}
      {gc.some(({ p99_ns }) => isTold(p99_ns)) && (
        <Chart title="Pauses" note="99th percentile, by kind" spec={pauseChart(runtime)} />
      )}
      {runtime.event_loop_delay_ns.length > 0 && (
        <Chart
          title="Event-loop delay"
          note="how late it is; the worst of the instances"
          spec={delayChart(runtime)}
        />
      )}
      {runtime.event_loop_utilization.length > 0 && (
        <Chart
          title="Event-loop utilization"
          note="share of the time at work, by instance"
          spec={utilizationChart(runtime)}
        />
      )}
      {pools.map(pool => (
        <Pool key={pool.name} runtime={runtime} pool={pool} />
      ))}
      {runtime.active_requests.length > 0 && (
        <Chart
          title="Active requests"
          note="by instance"
          spec={countChart(runtime, 'Requests being answered over time', runtime.active_requests)}
        />
      )}
      {runtime.open_resources.length > 0 && (
        <Chart title="Open resources" note="by type" spec={resourcesChart(runtime)} />
      )}
      {runtime.open_files.length > 0 && (
        <Chart
          title="Open files"
          note="by instance"
          spec={countChart(runtime, 'Open files over time', runtime.open_files)}
        />
      )}
      {runtime.threads.length > 0 && (
        <Chart
          title="Threads"
          note="by instance"
          spec={countChart(runtime, 'Threads over time', runtime.threads)}
        />
      )}
      {(runtime.host_cpu_ratio.length > 0 || runtime.host_memory_bytes.length > 0) && (
        <Chart title="Host" note="of all its processes" spec={hostChart(runtime)} />
      )}
    </div>
  )
}

function Pool({ runtime, pool }: { runtime: Runtime; pool: ConnectionPool }): ReactElement {
  return (
    <>
      <Chart
        title={`Pool ${pool.name}`}
        note="connections"
        spec={connectionsChart(runtime, pool)}
      />
      {(isTold(pool.wait_p95_ns) || isTold(pool.use_p95_ns)) && (
        <Chart
          title={`Waits of ${pool.name}`}
          note="until one was free, and how long it was held"
          spec={waitChart(runtime, pool)}
        />
      )}
    </>
  )
}

function Chart({
  title,
  note,
  spec,
  emptyText,
}: {
  title: string
  note: string
  spec: ChartSpec
  emptyText?: string
}): ReactElement {
  const choose = useChooseRange()
  return (
    <Panel title={title} note={note}>
      <TimeChart
        spec={spec}
        height={HEIGHT}
        onZoom={(from, to) => choose.custom(new Date(from * 1_000), new Date(to * 1_000))}
        {...(emptyText === undefined ? {} : { emptyText })}
      />
    </Panel>
  )
}
