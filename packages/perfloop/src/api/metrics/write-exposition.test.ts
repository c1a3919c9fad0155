import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { OPERATION_BUCKETS_SECONDS } from '../../ingest/ingest-buffer.ts'
import { defineQuery } from '../../store/telemetry/query.ts'
import { byLabel, counter, gauge } from './metric-family.ts'
import { operationMetrics } from './operation-metrics.ts'
import { QueryDurations } from './query-durations.ts'
import { chooseFormat, OPEN_METRICS, PROMETHEUS_TEXT, writeExposition } from './write-exposition.ts'

const families = [
  { name: 'p_build', type: 'info', help: 'B.', samples: [{ labels: { version: '1' }, value: 1 }] },
  counter('p_spans', 'Spans "so far"\nhere.', byLabel('why', { 'a"b\\c\nd': 2 })),
  gauge('p_memory_bytes', 'Memory.', 5, 'bytes'),
  gauge('p_nothing', 'Left out.', []),
] as const

describe('the exposition', () => {
  it('is OpenMetrics for those who name it', () => {
    expect(writeExposition(families, OPEN_METRICS)).toBe(`# HELP p_build B.
# TYPE p_build info
p_build_info{version="1"} 1
# HELP p_spans Spans "so far"\\nhere.
# TYPE p_spans counter
p_spans_total{why="a\\"b\\\\c\\nd"} 2
# HELP p_memory_bytes Memory.
# TYPE p_memory_bytes gauge
# UNIT p_memory_bytes bytes
p_memory_bytes 5
# EOF
`)
  })

  it('is the older text format for the rest, with the metadata under the names of the samples', () => {
    expect(writeExposition(families, PROMETHEUS_TEXT)).toContain(
      '# TYPE p_spans_total counter\np_spans_total{',
    )
    expect(writeExposition(families, PROMETHEUS_TEXT)).toContain('# TYPE p_build_info gauge\n')
  })

  it('is chosen by what the scraper accepts', () => {
    const prometheus = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2,*/*;q=0.1'
    expect(chooseFormat(prometheus)).toBe(OPEN_METRICS)
    expect(chooseFormat('*/*')).toBe(PROMETHEUS_TEXT)
    expect(chooseFormat(undefined)).toBe(PROMETHEUS_TEXT)
  })

  it('writes numbers that are none as OpenMetrics does', () => {
    const text = writeExposition(
      [gauge('g', 'G.', byLabel('n', { a: Number.NaN, b: Infinity, c: -Infinity }))],
      OPEN_METRICS,
    )
    expect(text).toContain('g{n="a"} NaN\ng{n="b"} +Inf\ng{n="c"} -Inf\n')
  })
})

describe('the metrics of operations', () => {
  const operation = (name: string, calls: number) => ({
    environment: 'test',
    service: 's',
    operation: name,
    kind: 'server',
    calls,
    errors: 1,
    durationSecondsSum: calls / 10,
    buckets: OPERATION_BUCKETS_SECONDS.map(() => calls),
  })

  it('add up beyond their limit, so that totals stay right', () => {
    const all = [operation('a', 5), operation('b', 9), operation('c', 1), operation('d', 2)]
    const [errors, durations] = operationMetrics(all, 2)
    expect(errors?.samples.map(({ labels, value }) => [labels?.operation, value])).toEqual([
      ['b', 1],
      ['a', 1],
      ['_other', 2],
    ])
    const counts = durations?.samples.filter(({ suffix }) => suffix === '_count')
    expect(counts?.map(({ value }) => value)).toEqual([9, 5, 3])
    const inf = durations?.samples.find(({ labels }) => labels?.le === '+Inf')
    expect(inf?.value).toBe(9)
  })
})

describe('the durations of queries', () => {
  it('are counted by query, failures too', async () => {
    const durations = new QueryDurations()
    const query = defineQuery({ name: 'q', sql: '', params: z.object({}), row: z.object({}) })
    let fails = false
    const store = durations.observe({
      async run() {
        if (fails) throw new Error('away')
        return []
      },
    })
    await store.run(query, {})
    fails = true
    await expect(store.run(query, {})).rejects.toThrow('away')
    const text = writeExposition(durations.families(), OPEN_METRICS)
    expect(text).toContain('perfloop_query_duration_seconds_count{query="q"} 2')
    expect(text).toContain('perfloop_query_failures_total{query="q"} 1')
  })
})
