import type { PerfloopProcess } from './perfloop-process.ts'

type Plain = Readonly<Record<string, string | number>>

/** A metric as an SDK sends it; instants are Unix milliseconds. */
export interface SentMetric {
  readonly name: string
  readonly unit: string
  readonly kind: 'gauge' | 'updown' | 'counter' | 'delta'
  readonly points: readonly SentPoint[]
}

export interface SentPoint {
  readonly atMs: number
  readonly startMs?: number
  readonly value: number
  readonly attributes?: Plain
}

/** OTLP's own form of what the above cannot say: histograms. */
export type OtlpMetric = Readonly<Record<string, unknown>>

/** Sends them as one resource; what was refused is an error. */
export async function sendMetrics(
  perfloop: Pick<PerfloopProcess, 'otlpHttpUrl'>,
  resource: Plain,
  metrics: readonly (SentMetric | OtlpMetric)[],
): Promise<void> {
  const response = await fetch(`${perfloop.otlpHttpUrl}/v1/metrics`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(metricsRequest(resource, metrics)),
  })
  const answer = await response.text()
  if (!response.ok || answer.includes('rejected')) throw new Error(`${response.status} ${answer}`)
}

export function metricsRequest(
  resource: Plain,
  metrics: readonly (SentMetric | OtlpMetric)[],
): object {
  return {
    resourceMetrics: [
      {
        resource: { attributes: otlpAttributes(resource) },
        scopeMetrics: [
          { metrics: metrics.map(metric => (isSent(metric) ? toOtlp(metric) : metric)) },
        ],
      },
    ],
  }
}

export function otlpAttributes(attributes: Plain = {}): readonly object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : { intValue: String(value) },
  }))
}

export function unixNano(unixMs: number): string {
  return `${Math.round(unixMs)}000000`
}

function isSent(metric: SentMetric | OtlpMetric): metric is SentMetric {
  return 'kind' in metric
}

function toOtlp({ name, unit, kind, points }: SentMetric): OtlpMetric {
  const dataPoints = points.map(({ atMs, startMs, value, attributes }) => ({
    timeUnixNano: unixNano(atMs),
    ...(startMs === undefined ? {} : { startTimeUnixNano: unixNano(startMs) }),
    asDouble: value,
    attributes: otlpAttributes(attributes),
  }))
  if (kind === 'gauge') return { name, unit, gauge: { dataPoints } }
  const aggregationTemporality = kind === 'delta' ? 1 : 2
  return {
    name,
    unit,
    sum: { aggregationTemporality, isMonotonic: kind !== 'updown', dataPoints },
  }
}
