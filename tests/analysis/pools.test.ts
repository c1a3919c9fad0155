import { expect, it } from 'vitest'
import { poolLeak } from '../../packages/perfloop/src/analyzers/pool-leak/pool-leak.ts'
import { poolWait } from '../../packages/perfloop/src/analyzers/pool-wait/pool-wait.ts'
import { poolState } from '../../packages/perfloop/src/store/telemetry/queries/pool-state.query.ts'
import { metricsRequest, otlpAttributes, unixNano } from '../send-metrics.ts'
import { openAnalysisHost } from './analysis-host.ts'

const START_MS = Date.UTC(2026, 2, 1, 8)
const STEP_MS = 10_000
const MAX = 10
const NAME = { 'db.client.connection.pool.name': 'db:5432/shop' }

/** A pool at one look: connections held by whoever gives them back, kept by nobody, and requests waiting. */
interface Look {
  readonly busy: number
  readonly kept: number
  readonly pending: number
}
type Pool = (look: number) => Look

const POOLS: Readonly<Record<string, Pool>> = {
  // One more is forgotten every three minutes, whatever the load.
  forgetful: look => ({
    busy: 2 + (look % 3),
    kept: Math.min(6, Math.floor(look / 18)),
    pending: 0,
  }),
  stuck: () => ({ busy: 0, kept: MAX, pending: 3 }),
  // Nine times as much to do at the end as at the beginning.
  'busier and busier': look => ({ busy: 1 + Math.floor(look / 16), kept: 0, pending: 0 }),
  // Two jobs that both are not done yet, and three connections of subscribers that came one after the other.
  'with two jobs': look => ({
    busy: look % 3,
    kept: look < 40 ? 0 : look < 80 ? 1 : 2,
    pending: 0,
  }),
  'subscribed to': look => ({ busy: 2, kept: Math.min(3, Math.floor(look / 20)), pending: 0 }),
  // Two that are meant to stay, taken once all else runs.
  settled: look => ({ busy: look % 3, kept: look < 40 ? 0 : 2, pending: 0 }),
  subscribed: look => ({ busy: look % 4, kept: 1, pending: 0 }),
  starved: look =>
    look % 5 < 3 ? { busy: MAX, kept: 0, pending: 4 } : { busy: 6, kept: 0, pending: 0 },
  bursting: look =>
    look % 20 === 0 ? { busy: MAX, kept: 0, pending: 9 } : { busy: 4, kept: 0, pending: 0 },
  full: () => ({ busy: MAX, kept: 0, pending: 0 }),
  // Busier and busier too, of a library that does not tell how long connections are held.
  untold: look => ({ busy: 1 + Math.floor(look / 16), kept: 0, pending: 0 }),
}

/** Looks as an SDK tells them: levels, and all time that connections were held or waited for since the start. */
function told(service: string, pool: Pool, from: number, to: number): object {
  const looks = Array.from({ length: to - from }, (_, n) => from + n)
  const sumUntil = (look: number, of: (at: Look) => number) =>
    Array.from({ length: look + 1 }, (_, n) => (of(pool(n)) * STEP_MS) / 1_000).reduce(
      (a, b) => a + b,
      0,
    )
  const levels = (name: string, of: (at: Look) => number, more: Record<string, string> = {}) =>
    ({
      name: `db.client.connection.${name}`,
      unit: '1',
      kind: 'updown',
      points: looks.map(look => ({
        atMs: START_MS + look * STEP_MS,
        value: of(pool(look)),
        attributes: { ...NAME, ...more },
      })),
    }) as const
  // One a look: told as what was added, or as all since the start.
  const timeouts = (of: string) =>
    ({
      name: 'db.client.connection.timeouts',
      unit: '{timeout}',
      kind: of === 'starved' ? 'delta' : 'counter',
      points: looks.map(look => ({
        atMs: START_MS + look * STEP_MS,
        startMs: of === 'starved' ? START_MS + (look - 1) * STEP_MS : START_MS - STEP_MS,
        value: of === 'starved' ? 1 : 1_000 + look,
        attributes: NAME,
      })),
    }) as const
  const times = (name: string, of: (at: Look) => number) => ({
    name: `db.client.connection.${name}_time`,
    unit: 's',
    histogram: {
      aggregationTemporality: 2,
      dataPoints: looks.map(look => ({
        startTimeUnixNano: unixNano(START_MS),
        timeUnixNano: unixNano(START_MS + look * STEP_MS),
        count: String((look + 1) * 100),
        sum: sumUntil(look, of),
        explicitBounds: [],
        bucketCounts: [String((look + 1) * 100)],
        attributes: otlpAttributes(NAME),
      })),
    },
  })
  return metricsRequest({ 'service.name': service, 'service.instance.id': `${service}-1` }, [
    levels('count', ({ busy, kept }) => busy + kept, { 'db.client.connection.state': 'used' }),
    levels('count', ({ busy, kept }) => Math.max(0, MAX - busy - kept), {
      'db.client.connection.state': 'idle',
    }),
    levels('max', () => MAX),
    levels('pending_requests', ({ pending }) => pending),
    ...(service === 'untold' ? [] : [times('use', ({ busy }) => busy)]),
    ...(service === 'starved' || service === 'stuck' ? [timeouts(service)] : []),
    times('wait', ({ pending }) => pending),
  ])
}

it('tells pools that are exhausted or leak from those that are busy, subscribed or full', async () => {
  await using host = await openAnalysisHost([poolWait, poolLeak], START_MS)
  const found = new Set<string>()
  const perLook = 30
  for (let from = 0; from < 150; from += perLook) {
    host.nowMs = START_MS + (from + perLook) * STEP_MS
    await host.receive(
      'metrics',
      Object.entries(POOLS).map(([service, pool]) => told(service, pool, from, from + perLook)),
    )
    const { analyzers } = await host.look()
    expect(analyzers.map(({ reason }) => reason)).toEqual([undefined, undefined])
    const { rows } = await host.control.issues.list({ limit: 50, offset: 0 })
    for (const { kind, service } of rows) found.add(`${kind} of ${service}`)
  }
  expect([...found].sort()).toEqual([
    'pool-leak of forgetful',
    'pool-leak of stuck',
    'pool-wait of starved',
    'pool-wait of stuck',
  ])
  const { rows } = await host.control.issues.list({ service: 'forgetful', limit: 5, offset: 0 })
  expect(rows[0]?.evidence).toMatchObject({ pool: 'db:5432/shop', connections: MAX })
  expect(Number(rows[0]?.evidence.kept)).toBeGreaterThanOrEqual(4)
  const { rows: starved } = await host.control.issues.list({
    service: 'starved',
    limit: 5,
    offset: 0,
  })
  expect(starved[0]?.evidence).toMatchObject({ exhausted_ratio: 0.6, waiting_max: 4, timeouts: 30 })
  // Four wait three fifths of the time.
  expect(Number(starved[0]?.recoverableNsPerHour) / 3_600e9).toBeCloseTo(2.4, 0)
}, 120_000)

it('keeps the issue of lost connections through a lull, until they are back', async () => {
  await using host = await openAnalysisHost([poolLeak], START_MS)
  const perLook = 30
  const pool: Pool = look =>
    look < 120
      ? { busy: 2 + (look % 3), kept: Math.min(6, Math.floor(look / 18)), pending: 0 }
      : { busy: look < 600 ? 0 : 2, kept: look < 600 ? 6 : 0, pending: 0 }
  const statuses: string[] = []
  for (let from = 0; from < 780; from += perLook) {
    host.nowMs = START_MS + (from + perLook) * STEP_MS
    await host.receive('metrics', [told('shop', pool, from, from + perLook)])
    await host.look()
    const { rows } = await host.control.issues.list({ limit: 5, offset: 0 })
    statuses.push(...rows.map(({ status }) => status))
    if (from === 570) expect([...new Set(statuses)]).toEqual(['open'])
  }
  expect(statuses.at(-1)).toBe('resolved')
}, 120_000)

it('takes the longest hold from the highest quantile of a summary, and none for shorter than the mean', async () => {
  await using host = await openAnalysisHost([poolLeak], START_MS)
  host.nowMs = START_MS + 60_000
  const point = {
    startTimeUnixNano: unixNano(START_MS),
    timeUnixNano: unixNano(START_MS + 30_000),
    attributes: otlpAttributes(NAME),
    count: '10',
    sum: 5,
  }
  const quantileValues = [
    { quantile: 0.5, value: 0.2 },
    { quantile: 0.99, value: 3 },
  ]
  const uses = {
    summed: { summary: { dataPoints: [{ ...point, quantileValues }] } },
    'without buckets': { histogram: { aggregationTemporality: 2, dataPoints: [point] } },
  }
  const used = {
    name: 'db.client.connection.count',
    unit: '1',
    kind: 'updown',
    points: [
      {
        atMs: START_MS + 30_000,
        value: 1,
        attributes: { ...NAME, 'db.client.connection.state': 'used' },
      },
    ],
  } as const
  await host.receive(
    'metrics',
    Object.entries(uses).map(([service, use]) =>
      metricsRequest({ 'service.name': service, 'service.instance.id': service }, [
        used,
        { name: 'db.client.connection.use_time', unit: 's', ...use },
      ]),
    ),
  )
  const from_s = START_MS / 1_000
  const window = { from_s, to_s: from_s + 60, part_s: 60, max_rows: 5 }
  const rows = await host.store.run(poolState, window)
  expect(rows.map(row => [row.service, row.longest_use_s])).toEqual([
    ['summed', 3],
    ['without buckets', 0.5],
  ])
}, 120_000)
