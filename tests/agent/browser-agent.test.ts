import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { Browser, Page, Request } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium, openPage } from '../browser/chromium.ts'
import { eventually, type PerfloopProcess, startPerfloop } from '../perfloop-process.ts'
import { type AgentProcess, startWithAgent } from './agent-process.ts'

const DIST = fileURLToPath(new URL('../../packages/agent/dist/', import.meta.url))
const MOST_BYTES = 6 * 1024

interface TraceSpan {
  readonly span_id: string
  readonly parent_span_id: string | null
  readonly service: string
  readonly name: string
  readonly kind: string
  readonly duration_ns: number
  readonly attributes: Readonly<Record<string, unknown>>
}

let perfloop: PerfloopProcess
let app: AgentProcess
let browser: Browser

beforeAll(async () => {
  const port = await freePort()
  ;[perfloop, browser] = await Promise.all([
    startPerfloop({
      env: { PERFLOOP_INGEST_CORS_ORIGINS: JSON.stringify([`http://127.0.0.1:${port}`]) },
    }),
    launchChromium(),
  ])
  app = await startWithAgent('page.mjs', perfloop.otlpHttpUrl, {
    env: {
      NODE_ENV: 'development',
      OTEL_SERVICE_NAME: 'shop',
      PAGE_PORT: String(port),
      PAGE_ENDPOINT: perfloop.otlpHttpUrl,
      PAGE_SCRIPTS: DIST,
    },
  })
})

afterAll(async () => {
  await browser?.close()
  await app?.[Symbol.asyncDispose]()
  await perfloop?.[Symbol.asyncDispose]()
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

/** Loads the page, and answers the trace that its server told it. */
async function load(page: Page, path: string): Promise<string> {
  const response = await page.goto(app.url + path, { waitUntil: 'load' })
  const timing = (await response?.allHeaders())?.['server-timing'] ?? ''
  expect(timing).toMatch(/^total;dur=[\d.]+, traceparent;desc="00-[0-9a-f]{32}-[0-9a-f]{16}-01"$/)
  return /00-([0-9a-f]{32})/.exec(timing)?.[1] ?? ''
}

/** As a user leaves it: what is still waiting is sent then. */
const leave = (page: Page) => page.goto('about:blank')

const spansOf = (traceId: string, wanted: (spans: readonly TraceSpan[]) => boolean) =>
  eventually('the spans of the trace', async () => {
    const answer = await perfloop.get(`/traces/${traceId}`).catch(() => undefined)
    const { spans } = (answer?.data ?? { spans: [] }) as { spans: readonly TraceSpan[] }
    return wanted(spans) ? spans : undefined
  })

describe('the agent in the page', () => {
  it('is at most 6 KB', () => {
    for (const file of ['browser.js', 'browser.iife.js']) {
      expect(gzipSync(readFileSync(DIST + file), { level: 9 }).length, file).toBeLessThanOrEqual(
        MOST_BYTES,
      )
    }
  })

  it('tells a page load and what it calls in one trace with the server’s work', async () => {
    const { page, problems } = await openPage(browser)
    const traceId = await load(page, '/shop')
    await page.getByText('["a"]').waitFor()
    await page.waitForTimeout(400)
    await leave(page)
    const spans = await spansOf(
      traceId,
      found =>
        found.some(({ name }) => name === 'page load /shop') &&
        found.some(({ name }) => name === 'GET /api/items'),
    )
    const named = (name: string) => spans.find(span => span.name === name)
    const document = named('GET /shop')
    const view = named('page load /shop')
    expect(document).toMatchObject({ service: 'shop', parent_span_id: null })
    expect(view).toMatchObject({ service: 'window', parent_span_id: document?.span_id })
    const call = spans.find(({ name, service }) => name === 'GET' && service === 'window')
    expect(call).toMatchObject({ kind: 'client', parent_span_id: view?.span_id })
    expect(named('GET /api/items')).toMatchObject({
      service: 'shop',
      parent_span_id: call?.span_id,
    })
    expect(named('resource script')).toMatchObject({ parent_span_id: view?.span_id })
    // The page was blocked for 120 ms by its own script.
    expect(named('long task')?.duration_ns).toBeGreaterThan(100e6)
    expect(JSON.stringify(spans)).not.toContain('secret')
    expect(problems).toEqual([])
  })

  it('tells the next view of a single-page application with its calls, and what failed', async () => {
    const { page } = await openPage(browser)
    await load(page, '/shop')
    await page.getByText('["a"]').waitFor()
    await page.waitForTimeout(300)
    const answered = page.waitForRequest(request => request.url().endsWith('/api/items/42'))
    await page.getByRole('button', { name: 'one' }).click()
    const { traceparent = '' } = await (await answered).allHeaders()
    const traceId = traceparent.slice(3, 35)
    await page.waitForTimeout(500)
    await leave(page)
    const spans = await spansOf(traceId, found => found.length >= 5)
    const view = spans.find(({ name }) => name === 'navigation /items/:id')
    const calls = spans.filter(({ kind }) => kind === 'client')
    expect(calls.map(({ parent_span_id }) => parent_span_id)).toEqual([
      view?.span_id,
      view?.span_id,
    ])
    expect(spans.map(({ name }) => name)).toContain('GET /api/items/:id')
    expect(calls.map(({ attributes }) => attributes['http.response.status_code']).sort()).toEqual([
      200, 404,
    ])
  })

  it('tells the Web Vitals once, when the page is left', async () => {
    const { page } = await openPage(browser)
    const sent: string[] = []
    page.on('request', request => {
      if (request.url().endsWith('/v1/logs') && request.method() === 'POST')
        sent.push(request.postData() ?? '')
    })
    await load(page, '/shop')
    await page.getByText('["a"]').waitFor()
    await page.getByRole('button', { name: 'one' }).click()
    await page.waitForTimeout(300)
    // What Chromium does when a tab goes to the back.
    await page.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { value: 'hidden' })
      document.dispatchEvent(new Event('visibilitychange'))
      document.dispatchEvent(new Event('visibilitychange'))
    })
    await eventually('the vitals', async () => (sent.length > 0 ? true : undefined), 5_000)
    const [{ scopeLogs }] = JSON.parse(sent[0] ?? '').resourceLogs
    type KeyValue = {
      key: string
      value: { stringValue?: string; doubleValue?: number; intValue?: string }
    }
    const vitals = new Map<string, number>(
      scopeLogs[0].logRecords.map(
        (record: { eventName: string; body: { kvlistValue: { values: KeyValue[] } } }) => {
          expect(record.eventName).toBe('browser.web_vital')
          const [name, value] = record.body.kvlistValue.values
          return [
            name?.value.stringValue,
            Number(value?.value.doubleValue ?? value?.value.intValue),
          ]
        },
      ),
    )
    expect([...vitals.keys()].sort()).toEqual(['cls', 'fcp', 'inp', 'lcp', 'ttfb'])
    expect(vitals.get('lcp')).toBeGreaterThanOrEqual(vitals.get('fcp') ?? Number.NaN)
    expect(vitals.get('fcp')).toBeGreaterThan(vitals.get('ttfb') ?? Number.NaN)
    expect(vitals.get('cls')).toBeLessThan(1)
    expect(sent).toHaveLength(1)
  })

  it('starts from a script tag, without a line of code', async () => {
    const { page } = await openPage(browser)
    const traceId = await load(page, '/tagged')
    await page.waitForTimeout(400)
    await leave(page)
    const spans = await spansOf(traceId, found =>
      found.some(({ name }) => name === 'page load /tagged'),
    )
    expect(spans.find(({ name }) => name === 'page load /tagged')?.service).toBe('tagged')
  })
  it('leaves the page its calls as they are: method, referrer, and failures that nobody waits for', async () => {
    const { page } = await openPage(browser)
    await load(page, '/shop')
    await page.getByText('["a"]').waitFor()
    const requests: Request[] = []
    page.on('request', request => {
      if (request.url().includes('/api/items/own')) requests.push(request)
    })
    const seen = await page.evaluate(async () => {
      // The values of this one are not its own properties.
      await fetch('/api/items/own', new Request('/', { method: 'PUT' }))
      const request = new Request('/api/items/own', { referrerPolicy: 'no-referrer' })
      await fetch(request)
      const rejected = new Promise(resolve => {
        window.addEventListener('unhandledrejection', ({ reason }) => resolve(String(reason)))
      })
      fetch('http://127.0.0.1:1/')
      return { rejected: await rejected, isCarried: request.headers.has('traceparent') }
    })
    expect(seen).toEqual({ rejected: 'TypeError: Failed to fetch', isCarried: false })
    const sent = await Promise.all(
      requests.map(async request => {
        const { traceparent, referer: referrer } = await request.allHeaders()
        return { method: request.method(), traceparent, referrer }
      }),
    )
    expect(sent).toEqual([
      { method: 'PUT', traceparent: undefined, referrer: expect.any(String) },
      { method: 'GET', traceparent: expect.stringMatching(/^00-/), referrer: undefined },
    ])
  })

  it('tells all of a page with so many long calls that no single body could carry them', async () => {
    const { page } = await openPage(browser)
    const bodies: number[] = []
    const named = new Set<string>()
    page.on('requestfinished', request => {
      if (!request.url().endsWith('/v1/traces') || request.method() !== 'POST') return
      const body = request.postData() ?? ''
      bodies.push(body.length)
      for (const [, n = ''] of body.matchAll(/x-(\d+)-/g)) named.add(n)
    })
    await load(page, '/shop')
    await page.getByText('["a"]').waitFor()
    await page.evaluate(async () => {
      const calls = Array.from({ length: 100 }, (_, n) =>
        fetch(`/api/items/x-${n}-${'long'.repeat(800)}`),
      )
      await Promise.all(calls)
      Object.defineProperty(document, 'visibilityState', { value: 'hidden' })
      document.dispatchEvent(new Event('visibilitychange'))
    })
    await eventually('all calls', async () => (named.size === 100 ? true : undefined), 5_000)
    expect(Math.max(...bodies)).toBeLessThan(64 * 1024)
    expect(bodies.reduce((sum, length) => sum + length)).toBeGreaterThan(5 * 64 * 1024)
  })

  it('leaves the trace alone that a request of the page carries by itself', async () => {
    const { page } = await openPage(browser)
    await load(page, '/shop')
    await page.getByText('["a"]').waitFor()
    const own = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
    const sent = page.waitForRequest(request => request.url().endsWith('/api/items/traced'))
    await page.evaluate(async traceparent => {
      const request = new XMLHttpRequest()
      request.open('GET', '/api/items/traced')
      request.setRequestHeader('Traceparent', traceparent)
      request.send()
      await new Promise(resolve => request.addEventListener('load', resolve))
    }, own)
    expect((await (await sent).allHeaders()).traceparent).toBe(own)
  })
})
