export interface MetricSample {
  /** Appended to the family's name, such as `_bucket`; counters get `_total` by themselves. */
  readonly suffix?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

/** One metric with its samples, in the words of OpenMetrics. */
export interface MetricFamily {
  /** Without `_total`; ends in its unit where it has one. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'info'
  readonly unit?: string
  readonly help: string
  readonly samples: readonly MetricSample[]
}

export function gauge(
  name: string,
  help: string,
  samples: number | readonly MetricSample[],
  unit?: string,
): MetricFamily {
  return { name, type: 'gauge', help, samples: toSamples(samples), ...(unit && { unit }) }
}

export function counter(
  name: string,
  help: string,
  samples: number | readonly MetricSample[],
  unit?: string,
): MetricFamily {
  return { name, type: 'counter', help, samples: toSamples(samples), ...(unit && { unit }) }
}

/** One sample a key, as a label. */
export function byLabel(
  label: string,
  values: Readonly<Record<string, number>>,
): readonly MetricSample[] {
  return Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }))
}

/** Samples of a histogram from cumulative counts at its bounds. */
export function histogramSamples(
  labels: Readonly<Record<string, string>>,
  bounds: readonly number[],
  cumulative: readonly number[],
  count: number,
  sum: number,
): readonly MetricSample[] {
  return [
    ...bounds.map((bound, index) => ({
      suffix: '_bucket',
      labels: { ...labels, le: formatNumber(bound) },
      value: cumulative[index] ?? count,
    })),
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
    { suffix: '_count', labels, value: count },
    { suffix: '_sum', labels, value: sum },
  ]
}

/** OpenMetrics wants a point in the bounds of buckets: 1.0, not 1. */
function formatNumber(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value)
}

function toSamples(samples: number | readonly MetricSample[]): readonly MetricSample[] {
  return typeof samples === 'number' ? [{ value: samples }] : samples
}
