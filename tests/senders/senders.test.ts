import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { eventually, type PerfloopProcess, startPerfloop, stop } from '../perfloop-process.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const cache = fileURLToPath(new URL('../../.cache', import.meta.url))
const instrument = join(cache, 'venv/bin/opentelemetry-instrument')
const python = join(cache, 'venv/bin/python')
const telemetrygen = join(cache, 'bin/telemetrygen')
const nothingSkipped = process.env.PERFLOOP_TEST_NOTHING_SKIPPED !== undefined
/** `.ci/run` installs what npm does not have; without it these tests are skipped, and `npm test` says so. */
const withPython = it.skipIf(!nothingSkipped && !existsSync(instrument))
const withTelemetrygen = it.skipIf(!nothingSkipped && !existsSync(telemetrygen))

const PERSON = 'anna.keller@example.org'

let perfloop: PerfloopProcess
let postgres: EmbeddedPostgres
const scratch = mkdtempSync(join(tmpdir(), 'perfloop-senders-'))

beforeAll(async () => {
  postgres = await startEmbeddedPostgres({ directory: join(scratch, 'postgres') })
  perfloop = await startPerfloop()
})

afterAll(async () => {
  await perfloop?.[Symbol.asyncDispose]()
  await postgres?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

interface Operation {
  readonly operation: string
  readonly kind: string
  readonly red: { readonly calls: number; readonly errors: number }
  readonly breakdown: { readonly query_count: number; readonly measured: number } | null
}

async function operationsOf(service: string): Promise<readonly Operation[]> {
  const { data } = await perfloop.get(
    `/measure/operations?service=${service}&from=-PT1H&per_page=200`,
  )
  return data as Operation[]
}

/** Waits until all of the calls were measured, then gives their operation. */
function measured(service: string, operation: string, calls: number): Promise<Operation> {
  return eventually(`${calls} calls of ${operation} of ${service}`, async () => {
    const found = (await operationsOf(service)).find(row => row.operation === operation)
    return found?.red.calls === calls && found.breakdown?.measured === calls ? found : undefined
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The environment that OpenTelemetry's own documentation tells a user to set, and nothing of ours. */
function exporter(service: string, protocol: 'http/protobuf' | 'grpc' | 'http/json') {
  return {
    OTEL_SERVICE_NAME: service,
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_ENDPOINT:
      protocol === 'grpc' ? `http://127.0.0.1:${perfloop.otlpGrpcPort}` : perfloop.otlpHttpUrl,
    OTEL_EXPORTER_OTLP_INSECURE: 'true',
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_BSP_SCHEDULE_DELAY: '200',
  }
}

async function withApplication(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  port: number,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const child: ChildProcess = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout?.on('data', chunk => {
    output += String(chunk)
  })
  child.stderr?.on('data', chunk => {
    output += String(chunk)
  })
  const url = `http://127.0.0.1:${port}`
  try {
    await eventually(
      `the application: ${command}`,
      async () => {
        if (child.exitCode !== null) throw new Error(output)
        await fetch(`${url}/nothing-here`).then(response => response.arrayBuffer())
        return true
      },
      60_000,
    )
    await work(url)
  } finally {
    await stop(child)
  }
}

async function request(url: string, times: number): Promise<void> {
  for (let n = 0; n < times; n++) await (await fetch(url)).arrayBuffer()
}

describe('real senders', () => {
  it.each(['http/protobuf', 'http/json', 'grpc'] as const)(
    'counts every request and statement of an Express application with the Node SDK over %s',
    async protocol => {
      const service = `harbor-${protocol.replace('/', '-')}`
      const port = await freePort()
      const env = {
        ...exporter(service, protocol),
        HARBOR_DATABASE: postgres.url,
        HARBOR_PORT: String(port),
      }
      await withApplication(
        process.execPath,
        [join(here, 'harbor-node.mjs')],
        env,
        port,
        async url => {
          await Promise.all([request(`${url}/boats/7`, 300), request(`${url}/boats/8`, 200)])
          await request(`${url}/boats/12345`, 20)
          await request(`${url}/berths/3`, 30)

          const boats = await measured(service, 'GET /boats/:id', 520)
          expect(boats.breakdown?.query_count).toBe(1)
          const berths = await measured(service, 'GET /berths/:berth', 30)
          expect(berths.breakdown?.query_count).toBe(11)
        },
      )
    },
    120_000,
  )

  withPython.each([
    ['old', ''],
    ['current', 'http,database'],
  ])(
    'counts a Flask + SQLAlchemy application with the %s semantic conventions',
    async (generation, optIn) => {
      const service = `orchard-${generation}`
      const port = await freePort()
      const env = {
        ...exporter(service, 'http/protobuf'),
        OTEL_SEMCONV_STABILITY_OPT_IN: optIn,
        ORCHARD_DATABASE: `sqlite:///${join(scratch, `${service}.db`)}`,
        ORCHARD_PORT: String(port),
      }
      await withApplication(
        instrument,
        [python, join(here, 'orchard_flask.py')],
        env,
        port,
        async url => {
          await request(`${url}/rows`, 40)
          await request(`${url}/rows/eager`, 40)
          await request(`${url}/rows/3`, 50)
          await request(`${url}/rows/999`, 10)
          await request(`${url}/owner`, 5)
          await request(`${url}/broken`, 5)

          expect((await measured(service, 'GET /rows', 40)).breakdown?.query_count).toBe(13)
          expect((await measured(service, 'GET /rows/eager', 40)).breakdown?.query_count).toBe(2)
          expect(
            (await measured(service, 'GET /rows/<int:row_id>', 60)).breakdown?.query_count,
          ).toBe(1)
          expect((await measured(service, 'GET /broken', 5)).red.errors).toBe(5)
          await measured(service, 'GET /owner', 5)
        },
      )
    },
    120_000,
  )

  withPython(
    'finds the lazy loading of the Flask application, and nothing wrong with its eager twin',
    async () => {
      const issue = await eventually(
        'the N+1 of /rows',
        async () => {
          const { data } = await perfloop.get(
            '/insights/issues?service=orchard-current&per_page=200',
          )
          return (data as { kind: string; operation: string; statement_text: string }[]).find(
            ({ kind }) => kind === 'n-plus-one',
          )
        },
        60_000,
      )
      expect(issue.operation).toBe('GET /rows')
      expect(issue.statement_text).toContain('fruit_tree')
      const { data } = await perfloop.get('/insights/issues?per_page=200')
      expect(
        (data as { operation: string }[]).filter(
          ({ operation }) => operation === 'GET /rows/eager',
        ),
      ).toEqual([])
    },
    90_000,
  )

  withPython(
    'counts a FastAPI application on PostgreSQL over gRPC',
    async () => {
      const port = await freePort()
      const env = {
        ...exporter('ferry', 'grpc'),
        FERRY_DATABASE: postgres.url.replace(/^postgres(ql)?:/, 'postgresql+psycopg2:'),
        FERRY_PORT: String(port),
      }
      await withApplication(
        instrument,
        [python, join(here, 'ferry_fastapi.py')],
        env,
        port,
        async url => {
          await request(`${url}/crossings?limit=10`, 60)
          await request(`${url}/crossings/4`, 80)
          expect((await measured('ferry', 'GET /crossings', 60)).breakdown?.query_count).toBe(1)
          expect(
            (await measured('ferry', 'GET /crossings/{crossing_id}', 80)).breakdown?.query_count,
          ).toBe(1)
        },
      )
    },
    120_000,
  )

  withTelemetrygen.each([
    ['gRPC', []],
    ['HTTP', ['--otlp-http']],
  ])(
    "counts the Collector's load generator over %s",
    async (protocol, flags) => {
      const service = `telemetrygen-${protocol.toLowerCase()}`
      const endpoint =
        protocol === 'HTTP'
          ? perfloop.otlpHttpUrl.replace('http://', '')
          : `127.0.0.1:${perfloop.otlpGrpcPort}`
      const { status, stderr } = spawnSync(
        telemetrygen,
        [
          'traces',
          '--otlp-insecure',
          '--otlp-endpoint',
          endpoint,
          '--traces',
          '700',
          '--rate',
          '0',
          '--service',
          service,
          ...flags,
        ],
        { encoding: 'utf8' },
      )
      expect(status, stderr).toBe(0)
      const total = await eventually('1,400 spans', async () => {
        const { data } = await perfloop.get(
          `/measure/operations?service=${service}&kind=all&from=-PT1H&per_page=200`,
        )
        const calls = (data as Operation[]).reduce((sum, { red }) => sum + red.calls, 0)
        return calls >= 1400 ? calls : undefined
      })
      expect(total).toBe(1400)
    },
    60_000,
  )

  withPython('keeps nothing of a person named in a literal or an exception', () => {
    const files = readdirSync(perfloop.dataDirectory, { recursive: true, withFileTypes: true })
    const holding = files
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name))
      .filter(file => readFileSync(file).includes(PERSON))
    expect(holding).toEqual([])
  })
})
