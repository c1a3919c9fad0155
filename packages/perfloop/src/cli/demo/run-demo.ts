import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import pino from 'pino'
import { systemClock } from '../../domain/clock.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import { Closers } from '../../server/closers.ts'
import { type RunningServer, startServer } from '../../server/compose.ts'
import { loadSettings } from '../../settings/load-settings.ts'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../targets/postgres/embedded-postgres.ts'
import type { DemoFlags } from '../demo.ts'
import { createDemoApi } from './demo-api.ts'
import { type DemoChild, demoEntry, ShopReady, startDemoChild } from './demo-child.ts'
import { demoSettingFlags } from './demo-settings.ts'
import { freePortFrom } from './free-port.ts'
import { openBrowser } from './open-browser.ts'
import { type DemoPlaces, describeDemo, describeReport } from './print-demo.ts'
import { attend, report } from './unattended.ts'

export interface DemoIo {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean }
  readonly stderr: { write(text: string): unknown }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signals: Pick<NodeJS.Process, 'once' | 'off'>
}

const HOST = '127.0.0.1'
const SERVICE = 'shop'
const DATABASE = 'shop'
const POLL_MS = 1_000
/** Before the first change: some twenty blocks of measurements, while the index is found and proven. */
const BEFORE_MS = 45_000
/** What shells answer for a command that Ctrl-C ended. */
const INTERRUPTED = 130
const PORTS = { api: 4600, otlpHttp: 4318, otlpGrpc: 4317 } as const
/** The demo's database may be lost at any moment, so it need not wait for the disk. */
const POSTGRES_SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_wal_size: '1GB',
  // Parallel workers would hide on the demo's few cores what a missing index costs.
  max_parallel_workers_per_gather: '0',
} as const

/** Runs until it is told to stop, or its time is over; answers the exit code. */
export async function runDemo(flags: DemoFlags, io: DemoIo): Promise<number> {
  const startedMs = performance.now()
  const logger = pino(
    { level: 'warn', serializers: { error: pino.stdSerializers.err } },
    pino.destination(2),
  )
  const closers = new Closers(logger)
  const stopping = new AbortController()
  const stop = () => {
    io.stderr.write('\n  Stopping …\n')
    // Ctrl-C reaches the database at the same moment: that it no longer answers is no news.
    logger.level = 'error'
    stopping.abort()
  }
  io.signals.once('SIGINT', stop)
  io.signals.once('SIGTERM', stop)
  try {
    const demo = await startDemo(flags, io, { closers, logger, stopping, startedMs })
    const say = flags.json ? io.stderr : io.stdout
    say.write(describeDemo(demo.places))
    if (flags.open && flags.for === undefined && io.stdout.isTTY === true) {
      openBrowser(demo.places.dashboardUrl, io.env, process.platform)
    }
    return await watchDemo(demo, flags, io, { stopping, startedMs })
  } catch (error) {
    // Told to stop while it was still starting: no failure.
    if (stopping.signal.aborted && error === stopping.signal.reason) return INTERRUPTED
    throw error
  } finally {
    await closers.closeAll()
    io.signals.off('SIGINT', stop)
    io.signals.off('SIGTERM', stop)
  }
}

interface Run {
  readonly stopping: AbortController
  readonly startedMs: number
}

interface Parts extends Run {
  readonly closers: Closers
  readonly logger: pino.Logger
}

interface Demo {
  readonly server: RunningServer
  readonly places: DemoPlaces
  /** Resolves, with what it said last, when a part ends that should not have. */
  readonly broken: Promise<PerfloopError>
}

// ── Start ──────────────────────────────────────────────────────────────────

async function startDemo(flags: DemoFlags, io: DemoIo, parts: Parts): Promise<Demo> {
  const { closers, stopping, startedMs } = parts
  const entries = {
    shop: demoEntry('shop'),
    telemetry: demoEntry(`telemetry/${flags.telemetry}`),
    load: demoEntry('load'),
  }
  const dataDirectory = makeDataDirectory(flags.data, closers)
  const [postgres, { server, moved }] = await Promise.all([
    closers.own('postgres', startDatabase(dataDirectory, stopping.signal), opened => opened.stop()),
    openServer(flags, io, dataDirectory, parts),
  ])
  const databaseUrl = await createDatabase(postgres)

  const shop = startDemoChild(entries.shop, {
    name: SERVICE,
    preload: pathToFileURL(entries.telemetry).href,
    env: shopEnvironment(databaseUrl, flags.faults, server.otlpHttpPort),
  })
  closers.add(shop.name, () => shop.stop())
  const { url: shopUrl, planted } = ShopReady.parse(
    await whileRunning(shop.firstMessage(), stopping),
  )

  await registerTarget(server, databaseUrl)
  const load = startDemoChild(entries.load, {
    name: 'load',
    env: {
      SHOP_URL: shopUrl,
      REQUESTS_PER_SECOND: String(flags.rate),
      ...(flags.for === undefined ? {} : { LOAD_MS: String(Math.ceil(flags.for)) }),
    },
  })
  closers.add(load.name, () => load.stop())

  return {
    server,
    broken: firstBroken(flags.for === undefined ? [shop, load] : [shop]),
    places: {
      dashboardUrl: `${server.url}/#token=${server.adminToken.secret}`,
      shopUrl,
      otlpHttpPort: server.otlpHttpPort,
      otlpGrpcPort: server.otlpGrpcPort,
      moved,
      planted,
      requestsPerSecond: flags.rate,
      dataDirectory,
      isTemporary: flags.data === undefined,
      startedMs: performance.now() - startedMs,
    },
  }
}

function makeDataDirectory(wanted: string | undefined, closers: Closers): string {
  if (wanted !== undefined) return resolve(wanted)
  const directory = mkdtempSync(join(tmpdir(), 'perfloop-demo-'))
  closers.add('data directory', () => rmSync(directory, { recursive: true, force: true }))
  return directory
}

function startDatabase(dataDirectory: string, signal: AbortSignal): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    directory: join(dataDirectory, 'postgres'),
    settings: POSTGRES_SETTINGS,
    signal,
  })
}

/** A database of the shop's own, beside the one that PostgreSQL begins with. */
async function createDatabase(postgres: EmbeddedPostgres): Promise<string> {
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  try {
    const known = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE])
    if (known.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`)
  } finally {
    await client.end()
  }
  const url = new URL(postgres.url)
  url.pathname = `/${DATABASE}`
  return url.href
}

async function openServer(
  flags: DemoFlags,
  io: DemoIo,
  dataDirectory: string,
  { closers, logger }: Parts,
): Promise<{ server: RunningServer; moved: readonly string[] }> {
  const { ports, moved } = await choosePorts(flags)
  const { settings, sources } = loadSettings({
    env: io.env,
    flags: {
      ...demoSettingFlags(),
      'server.dataDirectory': join(dataDirectory, 'perfloop'),
      'server.host': HOST,
      'server.port': ports.api,
      'ingest.otlpHttpPort': ports.otlpHttp,
      'ingest.otlpGrpcPort': ports.otlpGrpc,
    },
  })
  const starting = startServer({ settings, sources, logger, clock: systemClock })
  const server = await closers.own('perfloop', starting, opened => opened.close())
  return { server, moved }
}

type Ports = { readonly [Name in keyof typeof PORTS]: number }

/** A port that was asked for must be free; one that is only usual gives way. */
async function choosePorts(flags: DemoFlags): Promise<{ ports: Ports; moved: readonly string[] }> {
  const taken = new Set<number>()
  const moved: string[] = []
  const choose = async (asked: number | undefined, usual: number) => {
    const port = asked ?? (await freePortFrom(usual, HOST, taken))
    if (asked === undefined && port !== usual) moved.push(`${usual} → ${port}`)
    taken.add(port)
    return port
  }
  const ports = {
    api: await choose(flags.port, PORTS.api),
    otlpHttp: await choose(flags.otlpHttp, PORTS.otlpHttp),
    otlpGrpc: await choose(flags.otlpGrpc, PORTS.otlpGrpc),
  }
  return { ports, moved }
}

function shopEnvironment(
  databaseUrl: string,
  faults: string,
  otlpHttpPort: number,
): Readonly<Record<string, string>> {
  return {
    DATABASE_URL: databaseUrl,
    SHOP_FAULTS: faults,
    PORT: '0',
    NODE_ENV: 'production',
    OTEL_SERVICE_NAME: SERVICE,
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=development',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://${HOST}:${otlpHttpPort}`,
    OTEL_SEMCONV_STABILITY_OPT_IN: 'http,database',
  }
}

async function registerTarget(server: RunningServer, databaseUrl: string): Promise<void> {
  const api = createDemoApi(server.url, server.adminToken.secret)
  await api.setTarget('shop database', [SERVICE], databaseUrl)
}

async function firstBroken(children: readonly DemoChild[]): Promise<PerfloopError> {
  return await Promise.race(
    children.map(async child => {
      const last = await child.ended
      return new PerfloopError('DEMO_PART_FAILED', { part: child.name, last })
    }),
  )
}

/** Ctrl-C during a long start is obeyed at once. */
function whileRunning<Result>(work: Promise<Result>, { signal }: AbortController): Promise<Result> {
  return new Promise((resolveWork, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    work.then(resolveWork, reject)
  })
}

// ── Watch ──────────────────────────────────────────────────────────────────

async function watchDemo(demo: Demo, flags: DemoFlags, io: DemoIo, run: Run): Promise<number> {
  const { server } = demo
  const api = createDemoApi(server.url, server.adminToken.secret)
  let failure: PerfloopError | undefined
  void demo.broken.then(error => {
    if (run.stopping.signal.aborted) return
    failure = error
    run.stopping.abort()
  })
  await attend(api, {
    approve: flags.approve,
    forMs: flags.for ?? Number.POSITIVE_INFINITY,
    beforeMs: BEFORE_MS,
    pollMs: POLL_MS,
    signal: run.stopping.signal,
    nowMs: () => performance.now(),
  })
  if (failure !== undefined) throw failure
  if (flags.for === undefined && !flags.json) return 0

  const durationS = Math.round((performance.now() - run.startedMs) / 100) / 10
  const found = await report(api, durationS, server.startMs)
  io.stdout.write(
    flags.json ? `${JSON.stringify(found, undefined, 2)}\n` : `${describeReport(found)}\n`,
  )
  // From here on a child that ends is one that was told to.
  run.stopping.abort()
  if (flags.approve !== undefined) return found.verified.length > 0 ? 0 : 1
  return 0
}
