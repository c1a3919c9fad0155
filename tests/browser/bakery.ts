import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { eventually, type PerfloopProcess, startPerfloop } from '../perfloop-process.ts'

/** Perfloop as it is, but looking more often, so that a test need not wait for minutes. */
export const IMPATIENT = {
  PERFLOOP_ANALYSIS_INTERVAL_MS: '1000',
  PERFLOOP_ANALYSIS_SETTLE_MS: '1000',
  PERFLOOP_OPTIMIZER_INTERVAL_MS: '1000',
  PERFLOOP_OPTIMIZER_COLLECT_INTERVAL_MS: '2000',
}

export interface Bakery extends AsyncDisposable {
  readonly perfloop: PerfloopProcess
  readonly traceId: string
  readonly issueId: string
  readonly optimizationId: string
  readonly fingerprint: string
}

/**
 * A bakery's web application with two problems: its list of orders asks for every customer one by one, and its
 * loaves are found without an index. Answers when both were found and an index is proposed.
 */
export async function openBakery(): Promise<Bakery> {
  const scratch = mkdtempSync(join(tmpdir(), 'perfloop-bakery-'))
  const perfloop = await startPerfloop({ env: IMPATIENT })
  const file = join(scratch, 'bakery.db')
  bake(file)
  await perfloop.send('POST', '/config/targets', {
    kind: 'sqlite',
    name: 'bakery',
    services: ['bakery'],
    options: { file },
  })
  let traceId = ''
  const found = await eventually(
    'both problems to be found, and an index proposed',
    async () => {
      traceId = await sendOrders(perfloop, 10)
      await sendLoaves(perfloop, 20)
      await new Promise(resolve => setTimeout(resolve, 400))
      const issues = await list(perfloop, '/insights/issues')
      const optimizations = await list(perfloop, '/insights/optimizations')
      const repeated = issues.find(({ kind }) => kind === 'n-plus-one')
      const statements = await list(perfloop, '/measure/statements')
      const traces = await list(perfloop, '/traces')
      if (repeated === undefined || optimizations[0] === undefined) return undefined
      if (statements[0] === undefined || traces[0] === undefined) return undefined
      return {
        issueId: String(repeated.id),
        optimizationId: String(optimizations[0].id),
        fingerprint: String(statements[0].statement),
      }
    },
    60_000,
  )
  return {
    perfloop,
    traceId,
    ...found,
    async [Symbol.asyncDispose]() {
      await perfloop[Symbol.asyncDispose]()
      rmSync(scratch, { recursive: true, force: true })
    },
  }
}

/** Requests that ask for the customer of every order by itself; answers the last one's trace. */
export async function sendOrders(
  perfloop: Pick<PerfloopProcess, 'otlpHttpUrl'>,
  requests: number,
): Promise<string> {
  const traces = Array.from({ length: requests }, () => {
    const trace = startTrace('GET /orders', 130)
    trace.statement('SELECT * FROM orders ORDER BY id DESC LIMIT 12', 4)
    for (let customer = 1; customer <= 12; customer++) {
      trace.statement(`SELECT * FROM customer WHERE id = ${customer}`, 8)
    }
    return trace
  })
  await sendSpans(
    perfloop,
    traces.flatMap(({ spans }) => spans),
  )
  return traces.at(-1)?.traceId ?? ''
}

async function sendLoaves(perfloop: PerfloopProcess, requests: number): Promise<void> {
  const traces = Array.from({ length: requests }, (_, index) => {
    const trace = startTrace('GET /loaves', 95)
    trace.statement(`SELECT * FROM loaf WHERE baker_id = ${index}`, 80)
    return trace
  })
  await sendSpans(
    perfloop,
    traces.flatMap(({ spans }) => spans),
  )
}

function startTrace(route: string, durationMs: number) {
  const traceId = randomBytes(16).toString('hex')
  const root = randomBytes(8).toString('hex')
  const startMs = Date.now() - durationMs
  let atMs = startMs + 2
  const spans: object[] = [
    {
      traceId,
      spanId: root,
      name: route,
      kind: 2,
      startTimeUnixNano: nanoseconds(startMs),
      endTimeUnixNano: nanoseconds(startMs + durationMs),
      attributes: [
        text('http.request.method', 'GET'),
        text('http.route', route.split(' ')[1] ?? ''),
        { key: 'http.response.status_code', value: { intValue: '200' } },
      ],
    },
  ]
  return {
    traceId,
    spans,
    statement(sql: string, ms: number) {
      spans.push({
        traceId,
        spanId: randomBytes(8).toString('hex'),
        parentSpanId: root,
        name: 'SELECT',
        kind: 3,
        startTimeUnixNano: nanoseconds(atMs),
        endTimeUnixNano: nanoseconds(atMs + ms),
        attributes: [text('db.system.name', 'sqlite'), text('db.query.text', sql)],
      })
      atMs += ms
    },
  }
}

async function sendSpans(
  { otlpHttpUrl }: Pick<PerfloopProcess, 'otlpHttpUrl'>,
  spans: readonly object[],
): Promise<void> {
  const response = await fetch(`${otlpHttpUrl}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      resourceSpans: [
        {
          resource: {
            attributes: [
              text('service.name', 'bakery'),
              text('deployment.environment.name', 'development'),
            ],
          },
          scopeSpans: [{ scope: { name: 'bakery' }, spans }],
        },
      ],
    }),
  })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
}

function text(key: string, value: string) {
  return { key, value: { stringValue: value } }
}

function nanoseconds(unixMs: number): string {
  return `${BigInt(Math.round(unixMs)) * 1_000_000n}`
}

function bake(file: string): void {
  const database = new DatabaseSync(file)
  database.exec('CREATE TABLE loaf (id INTEGER PRIMARY KEY, baker_id INTEGER, name TEXT)')
  database.exec(`
    INSERT INTO loaf (baker_id, name)
    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 30000)
    SELECT n % 1000, 'loaf ' || n FROM number`)
  database.exec('ANALYZE')
  database.close()
}

async function list(
  perfloop: PerfloopProcess,
  path: string,
): Promise<readonly Record<string, unknown>[]> {
  return (await perfloop.get(path)).data as Record<string, unknown>[]
}
