import { createServer, get, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LiveSpan } from '../../domain/live-span.ts'
import { silentLogger } from '../../domain/logger.ts'
import { defaultSettings, type Settings } from '../../settings/settings.ts'
import type { LiveTopic } from '../contract/live.ts'
import { LiveHub } from './live-hub.ts'
import { type LiveTopicSource, listTopic, wholeTopic } from './live-topic.ts'
import type { SpansListener } from './span-tail.ts'

interface Item {
  id: string
  updated_at: string
}
interface Event {
  id?: string
  event?: string
  data?: { topic: string; [key: string]: unknown }
}

let server: Server
let hub: LiveHub
let items: Item[]
let computed: number
let listener: SpansListener | undefined
let entriesOnly: boolean | undefined
const browsers: Browser[] = []

beforeEach(() => {
  items = [{ id: 'a', updated_at: '1' }]
  computed = 0
  listener = undefined
})
afterEach(async () => {
  for (const browser of browsers.splice(0)) browser.leave()
  hub.close()
  await new Promise(resolve => server.close(resolve))
})

describe('the live hub', () => {
  it('sends a snapshot first and then only what changed', async () => {
    await start()
    const browser = await open(['issues'])
    expect(await browser.next('issues')).toMatchObject({
      data: { snapshot: true, issues: [{ id: 'a', updated_at: '1' }] },
    })
    items = [...items, { id: 'b', updated_at: '1' }]
    expect(await browser.next('issues')).toMatchObject({
      data: { snapshot: false, issues: [{ id: 'b', updated_at: '1' }] },
    })
  })

  it('tells of what somebody changed without waiting for the tick', async () => {
    await start({ liveIntervalMs: 60_000 })
    const browser = await open(['issues'])
    await browser.next('issues')
    items = [{ id: 'a', updated_at: '2' }]
    hub.refresh()
    expect(await browser.next('issues')).toMatchObject({
      data: { snapshot: false, issues: [{ id: 'a', updated_at: '2' }] },
    })
  })

  it('computes a topic once for all who watch, and not at all for nobody', async () => {
    await start()
    await sleep(60)
    expect(computed).toBe(0)
    const one = await open(['overview'])
    const two = await open(['overview'])
    await two.next('overview')
    const { id } = await two.next('overview')
    expect((await one.next('overview', id)).id).toBe(id)
    one.leave()
    two.leave()
    await until(() => hub.clients === 0)
    const after = computed
    await sleep(60)
    expect(computed).toBeLessThanOrEqual(after + 1)
  })

  it('forgets streams that were asked for one behind the other on a connection that is gone', async () => {
    await start()
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.resume()
    socket.write('GET /?topics=issues HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(5))
    await until(() => hub.clients === 5)
    socket.destroy()
    await until(() => hub.clients === 0)
  })

  it('gives a browser that comes back what it missed, once', async () => {
    await start()
    const first = await open(['issues'])
    const seen = await first.next('issues')
    first.leave()
    await until(() => hub.clients === 0)
    items = [...items, { id: 'missed', updated_at: '2' }]
    const again = await open(['issues'], seen.id)
    expect(await again.next('issues')).toMatchObject({
      data: { snapshot: false, issues: [{ id: 'missed' }] },
    })
    items = [...items, { id: 'later', updated_at: '3' }]
    expect(await again.next('issues')).toMatchObject({ data: { issues: [{ id: 'later' }] } })
  })

  it('gives what other browsers were told meanwhile in their order', async () => {
    await start()
    const leaving = await open(['issues'])
    const staying = await open(['issues'])
    const seen = await leaving.next('issues')
    await staying.next('issues')
    leaving.leave()
    for (const id of ['b', 'c']) {
      items = [...items, { id, updated_at: '2' }]
      await staying.next('issues')
    }
    const again = await open(['issues'], seen.id)
    expect(await again.next('issues')).toMatchObject({ data: { issues: [{ id: 'b' }] } })
    expect(await again.next('issues')).toMatchObject({ data: { issues: [{ id: 'c' }] } })
  })

  it('starts with a new snapshot when too much was missed or the server is another one', async () => {
    await start({ liveResumeEvents: 1 })
    const leaving = await open(['issues'])
    const staying = await open(['issues'])
    const seen = await leaving.next('issues')
    await staying.next('issues')
    leaving.leave()
    for (const id of ['b', 'c', 'd']) {
      items = [...items, { id, updated_at: '2' }]
      await staying.next('issues')
    }
    const again = await open(['issues'], seen.id)
    expect(await again.next('issues')).toMatchObject({ data: { snapshot: true } })
    const foreign = await open(['issues'], 'elsewhere-5')
    expect(await foreign.next('issues')).toMatchObject({ data: { snapshot: true } })
  })

  it('forwards spans at once, only while watched, and counts what a burst has too many', async () => {
    await start({ liveSpansPerEvent: 3, liveIntervalMs: 60_000 })
    expect(listener).toBeUndefined()
    const browser = await open(['spans'])
    await until(() => listener !== undefined)
    expect(entriesOnly).toBe(true)
    listener?.([span('1')])
    listener?.([span('2'), span('3'), span('4'), span('5')])
    const event = await browser.next('spans')
    expect(event.data).toMatchObject({ skipped: 2 })
    expect(event.data?.spans).toMatchObject([{ span_id: '1' }, { span_id: '2' }, { span_id: '3' }])
    browser.leave()
    await until(() => listener === undefined)
  })

  it('gives all spans to those who asked, and entry spans to the others', async () => {
    await start()
    const entries = await open(['spans'])
    const all = await open(['spans'], undefined, true)
    await until(() => entriesOnly === false)
    listener?.([span('1'), { ...span('2'), isEntry: false }, { ...span('3'), kind: 'client' }])
    expect((await all.next('spans')).data?.spans).toHaveLength(3)
    expect((await entries.next('spans')).data?.spans).toHaveLength(1)
  })

  it('drops what a slow browser cannot take and sends a new snapshot when it can', async () => {
    await start({ liveClientBufferBytes: 1_000 })
    const slow = await open(['overview'])
    await slow.next('overview')
    slow.pause()
    padding = 'x'.repeat(4_000_000)
    await until(() => hub.dropped > 0)
    padding = 'done'
    slow.resume()
    await until(async () => (await slow.next('overview')).data?.overview === 'done')
  })

  it('says that it is alive when it has nothing to say', async () => {
    await start({ liveHeartbeatMs: 20, liveIntervalMs: 10 })
    const browser = await open(['issues'])
    await browser.next('issues')
    expect(await browser.next('heartbeat')).toMatchObject({ event: 'heartbeat' })
  })

  it('goes on when a computation fails', async () => {
    await start()
    const browser = await open(['overview'])
    await browser.next('overview')
    failing = true
    await sleep(50)
    failing = false
    await browser.next('overview')
  })

  it('computes a costly topic less often', async () => {
    await start({ liveIntervalMs: 5, liveMaxLoad: 0.1 })
    costMs = 30
    await open(['overview'])
    await sleep(400)
    costMs = 0
    expect(computed).toBeLessThan(4)
  })

  it('refuses more streams than it may have', async () => {
    await start({ liveMaxClients: 1 })
    await open(['issues'])
    expect(() => hub.requireRoom()).toThrow(/too many|Too many/)
  })
})

let padding = ''
let failing = false
let costMs = 0

async function start(changes: Partial<Settings['server']> = {}): Promise<void> {
  padding = ''
  const overview: LiveTopicSource<unknown> = {
    async compute() {
      computed += 1
      if (costMs > 0) await sleep(costMs)
      if (failing) throw new Error('no store')
      return { overview: padding || computed }
    },
    snapshot: state => state as object,
    change: (_before, after) => after as object,
  }
  hub = new LiveHub({
    sources: {
      overview,
      health: wholeTopic<'health'>(async () => ({}) as never),
      issues: listTopic('issues', async () => items),
      optimizations: listTopic('optimizations', async () => []),
      profiles: listTopic('profiles', async () => []),
      runtime: wholeTopic<'runtime'>(async () => ({ instances: [] })),
    },
    watchSpans: (next, options) => {
      listener = next
      entriesOnly = next && options.entriesOnly
    },
    settings: { ...defaultSettings().server, liveIntervalMs: 10, liveMaxLoad: 1, ...changes },
    logger: silentLogger,
  })
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost')
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    void hub.open({
      topics: new Set((url.searchParams.get('topics') ?? '').split(',') as LiveTopic[]),
      allSpans: url.searchParams.has('all'),
      lastEventId: request.headers['last-event-id'] as string | undefined,
      response,
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
}

async function open(topics: LiveTopic[], lastEventId?: string, all = false): Promise<Browser> {
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/?topics=${topics.join()}${all ? '&all' : ''}`
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    get(url, { headers }, resolve).on('error', reject),
  )
  const browser = new Browser(response)
  browsers.push(browser)
  return browser
}

/** Reads a stream as EventSource does. */
class Browser {
  readonly #response: IncomingMessage
  readonly #events: Event[] = []
  #rest = ''

  constructor(response: IncomingMessage) {
    this.#response = response
    response.setEncoding('utf8')
    response.on('error', () => {})
    response.on('data', (chunk: string) => {
      const frames = (this.#rest + chunk).split('\n\n')
      this.#rest = frames.pop() ?? ''
      for (const frame of frames) this.#events.push(parseFrame(frame))
    })
  }

  /** The next event of a topic; with an id, the one with that id. */
  async next(topic: string, id?: string): Promise<Event> {
    const wanted = (event: Event) => event.event === topic && (id === undefined || event.id === id)
    await until(() => this.#events.some(wanted))
    return this.#events.splice(0, this.#events.findIndex(wanted) + 1).at(-1) as Event
  }

  pause(): void {
    this.#response.pause()
  }
  resume(): void {
    this.#response.resume()
  }
  leave(): void {
    this.#response.destroy()
  }
}

function parseFrame(frame: string): Event {
  const fields = Object.fromEntries(
    frame.split('\n').map(line => {
      const at = line.indexOf(': ')
      return [line.slice(0, at), line.slice(at + 2)]
    }),
  )
  return { ...fields, ...(fields.data && { data: JSON.parse(fields.data) }) }
}

function span(spanId: string): LiveSpan {
  return {
    traceId: 't',
    spanId,
    environment: 'test',
    service: 's',
    operation: 'GET /',
    kind: 'server',
    category: 'other',
    failed: false,
    durationNs: 1,
    receivedUnixMs: 1,
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; waitedMs < 5_000; waitedMs += 2) {
    if (await condition()) return
    await sleep(2)
  }
  throw new Error('it did not happen within five seconds')
}
