import type { Health } from '../api/contract/config.ts'
import type { LiveHub } from '../api/live/live-hub.ts'
import {
  byLabel,
  counter,
  gauge,
  type MetricFamily,
  type MetricSample,
} from '../api/metrics/metric-family.ts'
import { operationMetrics } from '../api/metrics/operation-metrics.ts'
import type { QueryDurations } from '../api/metrics/query-durations.ts'
import type { ReceiverStatistics } from '../ingest/receive/receiver-statistics.ts'
import type { Receiver } from '../ingest/receive/start-receiver.ts'
import type { Loader, LoaderStatistics } from '../ingest/spool/loader.ts'
import type { Settings } from '../settings/settings.ts'
import { ownUsage, type ProcessUsage, usageOf } from './process-usage.ts'
import type { StageRunner, StageStatus } from './stage-runner.ts'

export interface MetricParts {
  readonly settings: Settings
  readonly receiver: Receiver
  readonly loader: Loader
  readonly live: LiveHub
  readonly stages: StageRunner
  readonly queries: QueryDurations
  readonly health: () => Promise<Health>
  readonly storePid: () => Promise<number | undefined>
  readonly storeRestarts: () => number
  readonly lateSpans: () => number
  readonly version: string
  readonly startedUnixMs: number
}

/** Everything /metrics tells: Perfloop itself, then rate, errors and duration of every operation. */
export async function collectMetrics(parts: MetricParts): Promise<readonly MetricFamily[]> {
  const [received, loaded, storePid, health] = await Promise.all([
    // A receiver that is being restarted has no numbers; the rest is still worth telling.
    parts.receiver.statistics().catch(() => undefined),
    parts.loader.statistics(),
    parts.storePid().catch(() => undefined),
    parts.health(),
  ])
  const processes: [string, ProcessUsage | undefined][] = [
    ['server', ownUsage()],
    ['store', storePid === undefined ? undefined : usageOf(storePid)],
  ]
  return [
    {
      name: 'perfloop_build',
      type: 'info',
      help: 'Version of Perfloop.',
      samples: [{ labels: { version: parts.version }, value: 1 }],
    },
    gauge(
      'perfloop_start_time_seconds',
      'When Perfloop started, Unix time.',
      parts.startedUnixMs / 1_000,
      'seconds',
    ),
    ...healthMetrics(health),
    ...processMetrics(processes),
    ...(received === undefined ? [] : receiverMetrics(received)),
    ...loaderMetrics(loaded),
    counter(
      'perfloop_store_restarts',
      'Times the store process was started again.',
      parts.storeRestarts(),
    ),
    counter(
      'perfloop_late_spans',
      'Spans that came after their trace had been kept or dropped; they follow it.',
      parts.lateSpans(),
    ),
    ...parts.queries.families(),
    ...stageMetrics(parts.stages.statuses()),
    gauge('perfloop_live_clients', 'Browsers with an open live stream.', parts.live.clients),
    counter(
      'perfloop_live_dropped_events',
      'Events that slow browsers did not get.',
      parts.live.dropped,
    ),
    ...(received === undefined
      ? []
      : operationMetrics(received.operations, parts.settings.server.metricsMaxOperations)),
  ]
}

function healthMetrics({ components }: Health): MetricFamily[] {
  return [
    gauge(
      'perfloop_component_healthy',
      '1 when the component is healthy, 0.5 when degraded, 0 when unhealthy.',
      components.map(({ component, status }) => ({
        labels: { component },
        value: { healthy: 1, degraded: 0.5, unhealthy: 0 }[status],
      })),
    ),
  ]
}

function processMetrics(processes: readonly [string, ProcessUsage | undefined][]): MetricFamily[] {
  const samples = (read: (usage: ProcessUsage) => number): MetricSample[] =>
    processes.flatMap(([process, usage]) =>
      usage === undefined ? [] : [{ labels: { process }, value: read(usage) }],
    )
  return [
    counter(
      'perfloop_process_cpu_seconds',
      'CPU time used by the processes of Perfloop.',
      samples(usage => usage.cpuSeconds),
      'seconds',
    ),
    gauge(
      'perfloop_process_resident_memory_bytes',
      'Resident memory of the processes of Perfloop.',
      samples(usage => usage.rssBytes),
      'bytes',
    ),
  ]
}

function receiverMetrics(statistics: ReceiverStatistics): MetricFamily[] {
  const { acknowledgementMs } = statistics
  const quantiles = [
    ['0.5', acknowledgementMs.p50],
    ['0.99', acknowledgementMs.p99],
    ['1', acknowledgementMs.max],
  ] as const
  return [
    counter('perfloop_ingest_accepted', 'Spans, metric points and log records accepted.', [
      { labels: { signal: 'traces' }, value: statistics.spansAccepted },
      { labels: { signal: 'metrics' }, value: statistics.pointsAccepted },
      { labels: { signal: 'logs' }, value: statistics.logsAccepted },
    ]),
    counter(
      'perfloop_ingest_rejected',
      'Items refused one by one, by reason.',
      byLabel('reason', statistics.rejected),
    ),
    counter(
      'perfloop_ingest_limited',
      'Items that met a limit (cut, folded, late), by reason.',
      byLabel('reason', statistics.limited),
    ),
    counter('perfloop_ingest_requests', 'Export requests received.', statistics.requests),
    counter(
      'perfloop_ingest_refused_requests',
      'Export requests refused as a whole, by error code.',
      byLabel('code', statistics.refused),
    ),
    counter(
      'perfloop_ingest_duplicates',
      'Repeated batches that were stored already.',
      statistics.duplicates,
    ),
    counter(
      'perfloop_ingest_received_bytes',
      'Bytes of export requests.',
      statistics.bytesReceived,
      'bytes',
    ),
    counter(
      'perfloop_spool_written_bytes',
      'Bytes written to the spool.',
      statistics.bytesWritten,
      'bytes',
    ),
    counter('perfloop_spool_commits', 'Synced writes of the spool.', statistics.commits),
    gauge(
      'perfloop_ingest_acknowledgement_seconds',
      'Time from having a request to its acknowledgement, over the last minutes, by quantile.',
      quantiles.flatMap(([q, ms]) => (ms === null ? [] : [{ labels: { q }, value: ms / 1_000 }])),
      'seconds',
    ),
    gauge('perfloop_spool_bytes', 'Bytes in the spool.', statistics.spoolBytes, 'bytes'),
    gauge('perfloop_spool_segments', 'Segments in the spool.', statistics.spoolSegments),
    gauge(
      'perfloop_spool_full',
      '1 while senders are told to come back later.',
      statistics.spoolFull ? 1 : 0,
    ),
    counter(
      'perfloop_receiver_restarts',
      'Times the receiver thread was started again.',
      statistics.restarts,
    ),
    gauge(
      'perfloop_ingest_cache_bytes',
      'Bytes held by caches of the receiver.',
      statistics.cacheBytes,
      'bytes',
    ),
    counter(
      'perfloop_ingest_cache_evictions',
      'Entries put out of those caches.',
      statistics.cacheEvictions,
    ),
  ]
}

function loaderMetrics(statistics: LoaderStatistics): MetricFamily[] {
  return [
    gauge(
      'perfloop_loader_lag_seconds',
      'Age of the oldest telemetry that is not in the store yet.',
      statistics.lag.oldestAgeMs / 1_000,
      'seconds',
    ),
    gauge(
      'perfloop_loader_waiting_bytes',
      'Bytes that wait to be loaded.',
      statistics.lag.bytes,
      'bytes',
    ),
    counter('perfloop_loader_rows', 'Rows loaded into the store.', statistics.loadedRows),
    counter(
      'perfloop_loader_retries',
      'Loads that failed for the state of the store.',
      statistics.retries,
    ),
    counter(
      'perfloop_loader_quarantined_frames',
      'Damaged parts of the spool that were set aside.',
      statistics.quarantinedFrames,
    ),
  ]
}

function stageMetrics(statuses: readonly StageStatus[]): MetricFamily[] {
  const samples = (read: (status: StageStatus) => number): MetricSample[] =>
    statuses.map(status => ({ labels: { stage: status.name }, value: read(status) }))
  return [
    counter(
      'perfloop_stage_runs',
      'Runs of the periodic stages.',
      samples(({ runs }) => runs),
    ),
    counter(
      'perfloop_stage_faults',
      'Runs that failed.',
      samples(({ faults }) => faults),
    ),
    counter(
      'perfloop_stage_duration_seconds',
      'Time spent in the periodic stages.',
      samples(({ totalMs }) => totalMs / 1_000),
      'seconds',
    ),
  ]
}
