import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { startEmbeddedPostgres } from 'perfloop/internal/targets/postgres/embedded-postgres'
import { readSpans } from './otlp-reader.ts'

export interface DemoTraffic {
  /** The bodies as `--data DIR` takes them, in the order in which they came. */
  readonly directory: string
  remove(): void
}

/** More than the shop can answer: the load waits for it. */
const REQUESTS_PER_SECOND = 400
/** A body with fewer spans is joined with the next: two messages of protobuf one after the other are one with both. */
const MIN_SPANS_PER_BODY = 512

/** Opens the demo shop, measured by Perfloop's agent or the stock OpenTelemetry SDK, and keeps what it sends under load. */
export async function recordDemoTraffic(
  telemetry: 'agent' | 'opentelemetry',
  spans: number,
  parent: string,
): Promise<DemoTraffic> {
  mkdirSync(parent, { recursive: true })
  const scratch = mkdtempSync(join(parent, 'demo-'))
  const directory = join(scratch, 'bodies')
  mkdirSync(directory)
  const postgres = await startEmbeddedPostgres({ directory: join(scratch, 'postgres') })
  const recorder = await startRecorder(directory, spans)
  const children: ChildProcess[] = []
  try {
    const shop = startPart('shop', {
      DATABASE_URL: postgres.url,
      SHOP_FAULTS: 'all',
      NODE_OPTIONS: `--import=${pathToFileURL(demoEntry(`telemetry/${telemetry}`)).href}`,
      NODE_ENV: 'production',
      OTEL_SERVICE_NAME: 'shop',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=development',
      OTEL_EXPORTER_OTLP_ENDPOINT: recorder.url,
      OTEL_SEMCONV_STABILITY_OPT_IN: 'http,database',
    })
    children.push(shop)
    const [ready] = (await once(shop, 'message')) as [{ readonly url: string }]
    children.push(
      startPart('load', {
        SHOP_URL: ready.url,
        REQUESTS_PER_SECOND: String(REQUESTS_PER_SECOND),
      }),
    )
    await recorder.enough
  } finally {
    await Promise.all(children.map(end))
    recorder.close()
    await postgres.stop()
  }
  return { directory, remove: () => rmSync(scratch, { recursive: true, force: true }) }
}

function demoEntry(name: string): string {
  return createRequire(import.meta.url).resolve(`@perfloop/demo/${name}`)
}

function startPart(name: string, env: Readonly<Record<string, string>>): ChildProcess {
  return fork(demoEntry(name), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.disconnect()
  await ended
}

/** Writes the bodies of traces that it is sent until it has so many spans; answers as a receiver does. */
async function startRecorder(directory: string, spans: number) {
  let kept = 0
  let files = 0
  let joined: Buffer[] = []
  let joinedSpans = 0
  let tellEnough = () => {}
  const enough = new Promise<void>(resolve => {
    tellEnough = resolve
  })
  const keep = (body: Buffer) => {
    if (kept >= spans) return
    joined.push(body)
    joinedSpans += readSpans(body).length
    if (joinedSpans < MIN_SPANS_PER_BODY) return
    writeFileSync(join(directory, `${String(files++).padStart(7, '0')}.pb`), Buffer.concat(joined))
    kept += joinedSpans
    joined = []
    joinedSpans = 0
    if (kept >= spans) tellEnough()
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      if (request.url === '/v1/traces') {
        keep(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body)
      }
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    enough,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
