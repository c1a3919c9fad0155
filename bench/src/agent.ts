import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startEmbeddedPostgres } from 'perfloop/internal/targets/postgres/embedded-postgres'
import pg from 'pg'
import type { BenchOptions } from './main.ts'
import { readSpans } from './otlp-reader.ts'
import { percentile, rounded } from './percentile.ts'

const SPANS_PER_REQUEST = 9
const ROUNDS = 10
const WARM_UP_REQUESTS = 3_000
const REQUESTS = 2_000
const IN_FLIGHT = 8
const TICKS_PER_SECOND = 100

/** How each application is started; the second one without an agent tells what differs by chance. */
const VARIANTS = {
  without: [],
  without_again: [],
  perfloop: ['--import', '@perfloop/agent'],
  opentelemetry: ['--import', new URL('./agent-opentelemetry.js', import.meta.url).pathname],
} as const satisfies Record<string, readonly string[]>

type Variant = keyof typeof VARIANTS

/**
 * CPU of a request with an agent against without: the same application, all variants alive at once, rounds that
 * take turns. CPU is of all threads of the process until the last span is acknowledged. A round in which not every
 * span arrived does not count.
 */
export async function run(_options: BenchOptions): Promise<Readonly<Record<string, unknown>>> {
  const scratch = mkdtempSync(join(tmpdir(), 'perfloop-bench-agent-'))
  const postgres = await startEmbeddedPostgres({ directory: join(scratch, 'postgres') })
  await fill(postgres.url)
  const applications = new Map<Variant, Application>()
  for (const variant of Object.keys(VARIANTS) as Variant[]) {
    applications.set(variant, await start(variant, postgres.url))
  }
  for (const application of applications.values()) await application.ask(WARM_UP_REQUESTS)

  const rounds = new Map<Variant, Round[]>()
  for (let round = 0; round < ROUNDS; round++) {
    // In turn, beginning with another one each time, so that none always follows the same.
    const order = [...applications].map((_, index, all) => all[(index + round) % all.length])
    for (const entry of order) {
      if (entry === undefined) continue
      const [variant, application] = entry
      rounds.set(variant, [...(rounds.get(variant) ?? []), await measure(application)])
    }
  }
  const figures = summary(applications, rounds)
  for (const application of applications.values()) await application.end()
  await postgres.stop()
  rmSync(scratch, { recursive: true, force: true })
  return figures
}

interface Round {
  readonly cpuUs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly isVoid: boolean
}

interface Application {
  readonly variant: Variant
  readonly pid: number
  /** From the start of the process to the port being open. */
  readonly startMs: number
  readonly spans: () => number
  ask(requests: number): Promise<number[]>
  end(): Promise<void>
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

async function start(variant: Variant, database: string): Promise<Application> {
  const receiver = await startReceiver()
  const startedAt = performance.now()
  const child = spawn(
    process.execPath,
    [...VARIANTS[variant], new URL('./agent-application.js', import.meta.url).pathname],
    {
      env: {
        ...process.env,
        AGENT_BENCH_DATABASE: database,
        OTEL_SERVICE_NAME: 'baskets',
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_LOGS_EXPORTER: 'none',
        // As much as comes, so that nobody gains by dropping.
        OTEL_BSP_MAX_QUEUE_SIZE: '65536',
        OTEL_BSP_SCHEDULE_DELAY: '1000',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const port = await portOf(child)
  const startMs = performance.now() - startedAt
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT })
  const one = (n: number) =>
    new Promise<number>((resolve, reject) => {
      const beganAt = performance.now()
      get({ host: '127.0.0.1', port, path: `/baskets/${n % 1000}`, agent }, response => {
        response.resume().on('end', () => resolve(performance.now() - beganAt))
      }).on('error', reject)
    })
  return {
    variant,
    pid: child.pid ?? 0,
    startMs,
    spans: receiver.spans,
    async ask(requests) {
      const latenciesMs: number[] = []
      let next = 0
      await Promise.all(
        Array.from({ length: IN_FLIGHT }, async () => {
          while (next < requests) latenciesMs.push(await one(next++))
        }),
      )
      return latenciesMs
    },
    async end() {
      const ended = new Promise(resolve => child.on('exit', resolve))
      child.stdin?.end()
      await ended
      agent.destroy()
      receiver.close()
    },
  }
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new Error('no output')
    createInterface({ input: child.stdout }).on('line', line => {
      if (line.startsWith('port ')) resolve(Number(line.slice(5)))
    })
    child.on('exit', code => reject(new Error(`the application ended with ${code}`)))
  })
}

/** Counts spans, and answers at once. In this process: what it costs is nobody's CPU that is measured. */
async function startReceiver() {
  let spans = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      spans += readSpans(Buffer.concat(chunks)).length
      response.end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans: () => spans,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function measure(application: Application): Promise<Round> {
  const { variant, pid } = application
  const hasAgent = VARIANTS[variant].length > 0
  const spansBefore = application.spans()
  const cpuBefore = cpuSeconds(pid)
  const latenciesMs = await application.ask(REQUESTS)
  const expected = spansBefore + REQUESTS * SPANS_PER_REQUEST
  const until = performance.now() + 15_000
  while (hasAgent && application.spans() < expected && performance.now() < until) {
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  // What an agent does after its last span is its own cost too.
  await new Promise(resolve => setTimeout(resolve, 200))
  return {
    cpuUs: ((cpuSeconds(pid) - cpuBefore) / REQUESTS) * 1e6,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    isVoid: hasAgent && application.spans() !== expected,
  }
}

/** User and system time of all threads. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

function residentMb(pid: number): number {
  const found = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(found?.[1] ?? 0) / 1024
}

function summary(
  applications: ReadonlyMap<Variant, Application>,
  rounds: ReadonlyMap<Variant, readonly Round[]>,
) {
  const figures: Record<string, unknown> = { node: process.versions.node, rounds: ROUNDS }
  const plain = rounds.get('without') ?? []
  for (const [variant, application] of applications) {
    const own = rounds.get(variant) ?? []
    // Round by round against the one without, so that what the machine does to both is divided out.
    const ratios = own
      .map((round, index) => (round.isVoid ? Number.NaN : round.cpuUs / (plain[index]?.cpuUs ?? 1)))
      .filter(ratio => !Number.isNaN(ratio))
    figures[variant] = {
      cpu_us_per_request: rounded(
        percentile(
          own.map(({ cpuUs }) => cpuUs),
          0.5,
        ),
      ),
      cpu_overhead_percent: rounded((percentile(ratios, 0.5) - 1) * 100),
      p50_ms: rounded(
        percentile(
          own.map(({ p50Ms }) => p50Ms),
          0.5,
        ),
        2,
      ),
      p99_ms: rounded(
        percentile(
          own.map(({ p99Ms }) => p99Ms),
          0.5,
        ),
        2,
      ),
      resident_mb: rounded(residentMb(application.pid), 0),
      start_ms: rounded(application.startMs, 0),
      void_rounds: own.filter(({ isVoid }) => isVoid).length,
    }
  }
  return figures
}
