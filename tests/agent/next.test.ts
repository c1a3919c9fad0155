import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { NODES } from './agent-process.ts'
import { type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts'

const SERVER = 2
const ecosystem = fileURLToPath(new URL('ecosystem', import.meta.url))
const application = join(ecosystem, 'next-app')
const telling = join(ecosystem, 'tell-declared.mjs')
const next = join(ecosystem, 'node_modules/next/dist/bin/next')

/** The application is built once: that takes most of the time of this file. */
beforeAll(async () => {
  const build = spawn(process.execPath, [next, 'build'], {
    cwd: application,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [build.stdout, build.stderr])
    stream.on('data', chunk => {
      output += chunk
    })
  const code = await new Promise(resolve => build.on('exit', resolve))
  if (code !== 0) throw new Error(output)
}, 300_000)

afterAll(() => rmSync(join(application, '.next'), { recursive: true, force: true }))

async function startNext(node: string, endpoint: string) {
  const child = spawn(
    node,
    ['--import', '@perfloop/agent', '--import', telling, next, 'start', '--port', '0'],
    {
      cwd: application,
      env: {
        ...process.env,
        NODE_ENV: 'production',
        NEXT_TELEMETRY_DISABLED: '1',
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        PERFLOOP_FLUSH_INTERVAL_MS: '50',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      output += chunk
    })
  const exited = new Promise(resolve => child.on('exit', resolve))
  const url = await eventually('Next', async () => {
    const port = output.includes('Ready') ? /localhost:(\d+)/.exec(output)?.[1] : undefined
    return port === undefined ? undefined : `http://127.0.0.1:${port}`
  })
  return {
    url,
    output: () => output,
    async declared() {
      child.kill('SIGUSR2')
      return eventually('the routes', async () => /^declared (.*)$/m.exec(output)?.[1])
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

const servers = (spans: readonly ReceivedSpan[]) => spans.filter(({ kind }) => kind === SERVER)

/** What is called, its span's name, its status, what is rendered for it, and its first error. */
const CALLS = [
  ['/towns/7', 'GET /towns/[town]', 200, '/towns/[town]', undefined],
  ['/still', 'GET /still', 200, undefined, undefined],
  ['/api/stalls/3', 'GET /api/stalls/[stall]', 200, undefined, undefined],
  ['/api/stalls/none', 'GET /api/stalls/[stall]', 500, undefined, 'by a route handler'],
  ['/old/5', 'GET /old/[page]', 200, '/old/[page]', undefined],
  ['/old/none', 'GET /old/[page]', 500, '/_error', 'by getServerSideProps'],
  ['/api/thing', 'GET /api/[thing]', 200, undefined, undefined],
  ['/api/none', 'GET /api/[thing]', 500, undefined, 'by an API route'],
  ['/fails', 'GET /fails', 500, '/fails', 'by a page'],
  ['/nowhere', 'GET', 404, undefined, undefined],
] as const

describe('Next.js, as the Node agent sees it', () => {
  it.each(NODES)(
    'names requests to both routers by their pages, and tells what rendering took and what failed, on Node %s',
    async (_version, node) => {
      await using receiver = await startOtlpReceiver()
      const { spans } = receiver
      await using app = await startNext(node, receiver.endpoint)
      for (const [path] of CALLS) await (await fetch(app.url + path)).text()
      const page = await (await fetch(`${app.url}/acts`)).text()
      const [, action] = /name="(\$ACTION_ID_[0-9a-f]+)"/.exec(page) ?? []
      const form = new FormData()
      form.append(action ?? '', '')
      await (await fetch(`${app.url}/acts`, { method: 'POST', body: form })).text()
      const [, file = ''] = /src="(\/_next\/static\/[^"]+\.js)"/.exec(page) ?? []
      await (await fetch(app.url + file)).text()
      await (await fetch(`${app.url}/robots.txt?from=/_next/static/x`)).text()
      const requests = await eventually('the spans', async () => {
        const now = servers(spans)
        return now.length >= CALLS.length + 4 ? now : undefined
      })
      const told = requests.map(({ name, attributes, traceId, spanId, events }) => {
        const rendered = spans.find(
          span =>
            'template.name' in span.attributes &&
            span.traceId === traceId &&
            span.parentSpanId === spanId,
        )
        return [
          attributes['url.path'],
          name,
          attributes['http.response.status_code'],
          rendered?.attributes['template.name'],
          events[0]?.attributes['exception.message'],
        ]
      })
      expect(told).toEqual([
        ...CALLS,
        ['/acts', 'GET /acts', 200, '/acts', undefined],
        ['/acts', 'POST /acts', 200, '/acts', undefined],
        [file, 'GET /_next/static/*', 200, undefined, undefined],
        ['/robots.txt', 'GET', 200, undefined, undefined],
      ])
      const [town] = spans.filter(
        ({ attributes }) => attributes['template.name'] === '/towns/[town]',
      )
      expect(Number((town?.endUnixNs ?? 0n) - (town?.startUnixNs ?? 0n)) / 1e6).toBeGreaterThan(19)
      expect(app.output()).not.toContain('perfloop')
      const declared = JSON.parse(await app.declared()) as string[]
      expect(declared.toSorted()).toEqual([
        'next ALL /api/[thing]',
        'next ALL /api/stalls/[stall]',
        'next GET /acts',
        'next GET /fails',
        'next GET /old/[page]',
        'next GET /still',
        'next GET /towns/[town]',
      ])
    },
  )
})
