import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hodgesLehmann } from 'perfloop/internal/statistics/hodges-lehmann'
import { startEmbeddedPostgres } from 'perfloop/internal/targets/postgres/embedded-postgres'
import pg from 'pg'
import { measureDelivery } from './agent/delivery.ts'
import { FAULTS, measureFaults } from './agent/faults.ts'
import { askAtOnce, askAtRate } from './agent/load.ts'
import { type MeasuredApplication, startApplication } from './agent/measured-application.ts'
import { installPeers } from './agent/peers.ts'
import { OTHERS, PERFLOOP, type Variant, WITHOUT, WITHOUT_AGAIN } from './agent/variants.ts'
import type { BenchOptions } from './main.ts'
import { percentile, rounded } from './percentile.ts'

const SPANS_PER_REQUEST = 9
const ROUNDS = 12
const WARM_UP_REQUESTS = 6_000
/** Seconds of load, as a server has them: V8 forgets compiled code while the others have their turns, and short rounds would measure mostly how it comes back. */
const REQUESTS = 6_000
const IN_FLIGHT = 8
/** On the route that waits for the database: two thirds of what eight connections can do. */
const RATE_PER_SECOND = 400
const RATE_SECONDS = 4
const RATE_ROUNDS = 8
const SATURATION_REQUESTS = 1_000
const STARTS = 7
const PROFILE_MS = 10_000
const CONFIDENCE = 0.95
const LONGEST_DELIVERY_MS = 15_000
/** In one go, until V8's young generation has grown as far as it does, without an agent too: it grows in steps of megabytes. */
const MEMORY_REQUESTS = 20_000
const FAULT_SECONDS = 20

/**
 * What an agent costs: the same application, all variants alive at once, rounds that take turns. CPU is of all threads
 * of the process until the last span is acknowledged. A round in which not exactly nine spans a request
 * arrived does not count.
 * `--only perfloop` leaves the other agents out, `--only sentry` all but that one; `--only delivery` is the time from the end of
 * a request to its acknowledgement alone; `--only faults` the last part, in which the server is away in each of three ways for
 * `--seconds N`; `--only garbage` one of these ways.
 */
export async function run(options: BenchOptions): Promise<Readonly<Record<string, unknown>>> {
  const scratch = mkdtempSync(join(tmpdir(), 'perfloop-bench-agent-'))
  const postgres = await startEmbeddedPostgres({ directory: join(scratch, 'postgres') })
  try {
    await fill(postgres.url)
    const place = { node: options.node ?? process.execPath, database: postgres.url }
    const faults = (named?: readonly string[]) =>
      measureFaults(place, options.seconds ?? FAULT_SECONDS, named)
    if (options.only === 'faults') return await faults()
    if (options.only !== undefined && options.only in FAULTS) return await faults([options.only])
    if (options.only === 'delivery') return await measureDelivery(place)
    return {
      ...(await measureCost(place, options.only)),
      delivery: await measureDelivery(place),
      server_away: await faults(),
    }
  } finally {
    await postgres.stop()
    rmSync(scratch, { recursive: true, force: true })
  }
}

interface Place {
  readonly node: string
  readonly database: string
}

async function measureCost(
  place: Place,
  only: string | undefined,
): Promise<Readonly<Record<string, unknown>>> {
  const variants: readonly Variant[] = [
    WITHOUT,
    WITHOUT_AGAIN,
    PERFLOOP,
    ...(only === undefined ? OTHERS : OTHERS.filter(({ name }) => name === only)),
  ]
  if (variants.length > 3) installPeers()
  const applications: MeasuredApplication[] = []
  for (const variant of variants) applications.push(await startApplication(variant, place))
  for (const application of applications) await warmUp(application)

  const rounds = await inTurns(applications, ROUNDS, measureCpu)
  const [plain, again, ours] = applications
  if (plain === undefined || again === undefined || ours === undefined) {
    throw new Error('no application')
  }
  const rateRounds = await inTurns([plain, again, ours], RATE_ROUNDS, measureRate)
  const residentMb = new Map<MeasuredApplication, number>()
  for (const application of applications) {
    await askAtOnce(application, '/baskets', { requests: MEMORY_REQUESTS, inFlight: IN_FLIGHT })
    residentMb.set(application, application.residentMb())
  }
  const figures: Record<string, unknown> = {
    node: place.node,
    rounds: ROUNDS,
    ...Object.fromEntries(
      applications.map(application => [
        application.variant.name,
        {
          ...cpuFigures(
            application === again ? [of(rounds, plain)] : [of(rounds, plain), of(rounds, again)],
            of(rounds, application),
          ),
          ...(rateRounds.has(application) && {
            database_route: rateFigures(of(rateRounds, plain), of(rateRounds, application)),
          }),
          resident_mb: rounded(residentMb.get(application) ?? Number.NaN, 0),
        },
      ]),
    ),
    longest_agent_ms: rounded(await longestAgentMs(ours), 3),
  }
  for (const application of applications) await application.end()
  figures.start_ms = await startFigures(variants, place)
  return figures
}

async function fill(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(
    'CREATE TABLE basket_line (id integer PRIMARY KEY, basket integer, item text, price integer)',
  )
  await client.query(
    "INSERT INTO basket_line SELECT n, n / 10, 'item ' || n, n % 90 FROM generate_series(0, 9999) n",
  )
  await client.query('CREATE INDEX ON basket_line (basket)')
  await client.end()
}

/** All spans of it have arrived when it is over: the first round begins with none on their way. */
async function warmUp(application: MeasuredApplication): Promise<void> {
  await askAtOnce(application, '/baskets', { requests: WARM_UP_REQUESTS, inFlight: IN_FLIGHT })
  await askAtOnce(application, '/reports', { requests: 200, inFlight: IN_FLIGHT })
  await untilSpans(application, Number.POSITIVE_INFINITY, 4_000)
}

type Rounds<Figure> = ReadonlyMap<MeasuredApplication, Figure[]>

/** Rounds in turn, beginning with another application each time, so that none always follows the same. */
async function inTurns<Figure>(
  applications: readonly MeasuredApplication[],
  rounds: number,
  measure: (application: MeasuredApplication) => Promise<Figure>,
): Promise<Rounds<Figure>> {
  const figures = new Map(applications.map(application => [application, [] as Figure[]]))
  for (let round = 0; round < rounds; round++) {
    for (const index of applications.keys()) {
      const application = applications[(index + round) % applications.length]
      if (application !== undefined) figures.get(application)?.push(await measure(application))
    }
  }
  return figures
}

function of<Figure>(rounds: Rounds<Figure>, application: MeasuredApplication): readonly Figure[] {
  return rounds.get(application) ?? []
}

interface CpuRound {
  readonly cpuUs: number
  readonly perSecond: number
  readonly isVoid: boolean
}

async function measureCpu(application: MeasuredApplication): Promise<CpuRound> {
  const spansBefore = application.receiver.spans()
  const cpuBefore = application.cpuSeconds()
  const beganAt = performance.now()
  await askAtOnce(application, '/baskets', { requests: REQUESTS, inFlight: IN_FLIGHT })
  const perSecond = (REQUESTS / (performance.now() - beganAt)) * 1_000
  const expected = application.variant.protocol === undefined ? 0 : REQUESTS * SPANS_PER_REQUEST
  await untilSpans(application, spansBefore + expected, LONGEST_DELIVERY_MS)
  // What an agent does after its last span is its own cost too.
  await pause(200)
  return {
    cpuUs: ((application.cpuSeconds() - cpuBefore) / REQUESTS) * 1e6,
    perSecond,
    isVoid: application.receiver.spans() - spansBefore !== expected,
  }
}

async function untilSpans(
  application: MeasuredApplication,
  spans: number,
  mostMs: number,
): Promise<void> {
  const until = performance.now() + mostMs
  while (application.receiver.spans() < spans && performance.now() < until) await pause(25)
}

interface RateRound {
  /** As fast as the database and a pool of eight connections let it. */
  readonly perSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly p999LoopDelayMs: number
}

async function measureRate(application: MeasuredApplication): Promise<RateRound> {
  const saturation = { requests: SATURATION_REQUESTS, inFlight: 2 * IN_FLIGHT }
  const beganAt = performance.now()
  await askAtOnce(application, '/reports', saturation)
  const perSecond = (SATURATION_REQUESTS / (performance.now() - beganAt)) * 1_000
  await application.ask({ ask: 'begin loop delay' })
  const { latenciesMs } = await askAtRate(application, '/reports', {
    perSecond: RATE_PER_SECOND,
    seconds: RATE_SECONDS,
  })
  const loopDelay = await application.ask({ ask: 'end loop delay' })
  await untilSpans(application, Number.POSITIVE_INFINITY, 1_500)
  return {
    perSecond,
    p50Ms: percentile(latenciesMs, 0.5),
    p95Ms: percentile(latenciesMs, 0.95),
    p99Ms: percentile(latenciesMs, 0.99),
    p999LoopDelayMs: loopDelay.p999_ms ?? Number.NaN,
  }
}

/** @param plains the applications without an agent: their mean, for one of them differs by chance from round to round. */
function cpuFigures(plains: readonly (readonly CpuRound[])[], own: readonly CpuRound[]) {
  const valid = own.filter(({ isVoid }) => !isVoid)
  // Round by round against those without, so that what the machine does to all is divided out.
  const ratios = own
    .map((round, index) => {
      const plainUs = plains.map(plain => plain[index]?.cpuUs ?? Number.NaN)
      const meanUs = plainUs.reduce((sum, cpuUs) => sum + cpuUs, 0) / plainUs.length
      return round.isVoid ? Number.NaN : round.cpuUs / meanUs
    })
    .filter(ratio => !Number.isNaN(ratio))
  const middle = (list: readonly number[]) => percentile(list, 0.5)
  return {
    cpu_us_per_request: rounded(middle(valid.map(({ cpuUs }) => cpuUs))),
    cpu_overhead_percent: rounded((middle(ratios) - 1) * 100),
    requests_per_second: rounded(middle(valid.map(({ perSecond }) => perSecond)), 0),
    void_rounds: own.length - valid.length,
  }
}

function rateFigures(plain: readonly RateRound[], own: readonly RateRound[]) {
  const middle = (list: readonly RateRound[], what: keyof RateRound) =>
    percentile(
      list.map(round => round[what]),
      0.5,
    )
  return {
    requests_per_second: rounded(middle(own, 'perSecond'), 0),
    throughput_loss_percent: lossPercent(
      own.map(({ perSecond }) => 1 / perSecond),
      plain.map(({ perSecond }) => 1 / perSecond),
    ),
    p50_ms: rounded(middle(own, 'p50Ms'), 2),
    p95_ms: rounded(middle(own, 'p95Ms'), 2),
    p99_ms: rounded(middle(own, 'p99Ms'), 2),
    p95_added_percent: lossPercent(
      own.map(({ p95Ms }) => p95Ms),
      plain.map(({ p95Ms }) => p95Ms),
    ),
    p999_loop_delay_added_ms: rounded(
      middle(own, 'p999LoopDelayMs') - middle(plain, 'p999LoopDelayMs'),
      2,
    ),
  }
}

/** By how much `own` is above `plain`, percent: the estimate and the upper end of its 95 % interval (Hodges and Lehmann, of logarithms). */
function lossPercent(own: readonly number[], plain: readonly number[]) {
  const shift = hodgesLehmann(plain.map(Math.log), own.map(Math.log), CONFIDENCE)
  const percent = (logarithm: number) => rounded((Math.exp(logarithm) - 1) * 100, 2)
  return shift === undefined
    ? undefined
    : { estimate: percent(shift.estimate), at_most: percent(shift.high) }
}

async function longestAgentMs(application: MeasuredApplication): Promise<number> {
  const profile = application.ask({ ask: 'profile', ms: PROFILE_MS })
  await askAtRate(application, '/baskets', { perSecond: 300, seconds: PROFILE_MS / 1_000 })
  const { longest_agent_ms = Number.NaN } = await profile
  return longest_agent_ms
}

async function startFigures(
  variants: readonly Variant[],
  place: Place,
): Promise<Readonly<Record<string, number>>> {
  const startsMs = new Map<string, number[]>()
  for (let n = 0; n < STARTS; n++) {
    for (const variant of variants) {
      const application = await startApplication(variant, place)
      startsMs.set(variant.name, [...(startsMs.get(variant.name) ?? []), application.startMs])
      await application.end()
    }
  }
  return Object.fromEntries(
    [...startsMs].map(([name, list]) => [name, rounded(percentile(list, 0.5), 0)]),
  )
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
