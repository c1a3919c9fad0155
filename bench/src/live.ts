import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { BenchOptions } from './main.ts'
import { createOtlpClient } from './otlp-client.ts'
import { ProtobufWriter } from './otlp-writer.ts'
import { percentile, rounded } from './percentile.ts'
import { seededRandom } from './seeded-random.ts'
import { startServerUnderTest } from './server-under-test.ts'

const EVENTS = 1000
const EVENTS_PER_SECOND = 200

/**
 * From just before a span is sent to the moment its own id is in the DOM of the dashboard in Chromium, so the figure
 * holds the way to the receiver too. Both clocks are this machine's.
 */
export async function run(options: BenchOptions): Promise<Readonly<Record<string, unknown>>> {
  const server = await startServerUnderTest({ directory: options.directory })
  const browser = await chromium.launch({
    executablePath: await chromiumPath(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  })
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  await page.addInitScript(() => {
    const seen: Record<string, number> = {}
    Object.assign(globalThis, { seen })
    const note = (node: unknown) => {
      if (!(node instanceof Element)) return
      for (const element of [node, ...node.querySelectorAll('[data-span-id]')]) {
        const id = element.getAttribute('data-span-id')
        if (id !== null) seen[id] ??= performance.timeOrigin + performance.now()
      }
    }
    new MutationObserver(changes => {
      for (const change of changes) {
        if (change.type === 'attributes') note(change.target)
        change.addedNodes.forEach(note)
      }
    }).observe(document, {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: ['data-span-id'],
    })
  })
  await page.goto(`${server.url}/#token=${server.adminToken}`)
  await new Promise(resolve => setTimeout(resolve, 3000))

  const client = createOtlpClient(server.otlpHttpPort, 16)
  const random = seededRandom(4)
  const sentAt = new Map<string, number>()
  const startedAt = performance.now()
  const pending: Promise<unknown>[] = []
  for (let n = 0; n < EVENTS; n++) {
    const dueMs = (n * 1000) / EVENTS_PER_SECOND - (performance.now() - startedAt)
    if (dueMs > 0) await new Promise(resolve => setTimeout(resolve, dueMs))
    const spanId = Buffer.from(Array.from({ length: 8 }, () => Math.floor(random() * 255) + 1))
    sentAt.set(spanId.toString('hex'), performance.timeOrigin + performance.now())
    pending.push(client.send(oneSpan(spanId, random)))
  }
  await Promise.all(pending)
  await new Promise(resolve => setTimeout(resolve, 2000))
  const seen = await page.evaluate(
    () => (globalThis as unknown as { seen: Record<string, number> }).seen,
  )
  client.close()
  await browser.close()
  await server.stop()
  server.removeData()

  const delaysMs = [...sentAt].flatMap(([id, at]) => {
    const shownAt = seen[id]
    return shownAt === undefined ? [] : [shownAt - at]
  })
  return {
    p50_ms: rounded(percentile(delaysMs, 0.5)),
    p95_ms: rounded(percentile(delaysMs, 0.95)),
    p99_ms: rounded(percentile(delaysMs, 0.99)),
    shown: delaysMs.length,
    sent: sentAt.size,
  }
}

function oneSpan(spanId: Uint8Array, random: () => number): Buffer {
  const nowNs = BigInt(Date.now()) * 1_000_000n
  const request = new ProtobufWriter()
  request.messageField(1, resourceSpans => {
    resourceSpans.messageField(1, resource => resource.attributeField(1, 'service.name', 'live'))
    resourceSpans.messageField(2, scopeSpans => {
      scopeSpans.messageField(2, span => {
        span.bytesField(
          1,
          Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 255) + 1)),
        )
        span.bytesField(2, spanId)
        span.stringField(5, 'GET /live')
        span.varintField(6, 2)
        span.fixed64Field(7, nowNs - 5_000_000n)
        span.fixed64Field(8, nowNs)
        span.attributeField(9, 'http.request.method', 'GET')
        span.attributeField(9, 'http.route', '/live')
        span.attributeField(9, 'http.response.status_code', 200)
      })
    })
  })
  return request.bytes()
}

async function chromiumPath(): Promise<string> {
  const installed = '/usr/bin/chromium'
  if (existsSync(installed)) return installed
  const { default: packaged } = await import('@sparticuz/chromium')
  return packaged.executablePath()
}
