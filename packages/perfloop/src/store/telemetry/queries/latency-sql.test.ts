import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bucketOf, quantileNs } from '../../../domain/latency-histogram.ts'
import { defaultSettings } from '../../../settings/settings.ts'
import { type OpenTelemetryStore, openTelemetryStore } from '../open-telemetry-store.ts'
import { quantileBuckets, RED_QUANTILES } from './latency-sql.ts'

describe('quantiles in SQL', () => {
  const directory = mkdtempSync(join(tmpdir(), 'perfloop-quantiles-'))
  let store: OpenTelemetryStore
  beforeAll(async () => {
    store = await openTelemetryStore({ dataDirectory: directory, settings: defaultSettings() })
  })
  afterAll(async () => {
    await store?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  it.each([
    [[]],
    [[0]],
    [[1, 1, 1]],
    [[5e6]],
    [[1e6, 2e6, 3e6, 4e6, 5e6, 6e6, 7e6, 8e6, 9e6, 1e7]],
    [Array.from({ length: 500 }, (_, n) => 1e5 + n * n * 997)],
  ])('equal those of the domain', async durations => {
    const histogram = new Map<number, number>()
    for (const duration of durations) {
      const bucket = bucketOf(duration)
      histogram.set(bucket, (histogram.get(bucket) ?? 0) + 1)
    }
    const rows = await store.engine.query(
      `SELECT ${RED_QUANTILES}
       FROM
       (
         SELECT
           ${quantileBuckets(`map(toInt16(bucket), toFloat64(count))`)} AS buckets,
           sum(count) AS calls
         FROM (SELECT {buckets:Array(Int16)} AS bucket, {counts:Array(Float64)} AS count)
         ARRAY JOIN bucket, count
       )`,
      { buckets: [...histogram.keys()], counts: [...histogram.values()] },
    )
    const expected = (q: number) => {
      const value = quantileNs(histogram, q)
      return value === undefined ? null : expect.closeTo(value, 3)
    }
    expect(rows).toEqual([
      { p50_ns: expected(0.5), p95_ns: expected(0.95), p99_ns: expected(0.99) },
    ])
  })
})
