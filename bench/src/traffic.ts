import { type AttributeValue, ProtobufWriter } from './otlp-writer.ts'
import { seededRandom } from './seeded-random.ts'

/**
 * Telemetry of five services as OTLP protobuf bodies: traces of nine spans (a request, a middleware, six statements, a call), twelve
 * attributes a span, more than 500 statements and 200 operations. `typical` is what web applications send;
 * `high` puts request ids, user ids and ids in paths into every span.
 *
 * Bodies are built once and given fresh random ids and present times each time they are taken, in place, so that
 * the generator costs little beside what it measures.
 */
export interface Traffic {
  readonly spansPerBody: number
  readonly bodyBytes: number
  /** The next body. It is valid until the call after the next `templates` calls. */
  next(nowUnixMs: number): Buffer
}

export interface TrafficOptions {
  readonly seed: number
  readonly variety: 'typical' | 'high'
  readonly tracesPerBody?: number
  /** Bodies with different content that are built and then reused with new ids. */
  readonly templates?: number
}

const SERVICES = ['storefront', 'checkout', 'catalogue', 'accounts', 'fulfilment']
const RESOURCES = [
  'products',
  'baskets',
  'shipments',
  'invoices',
  'reviews',
  'returns',
  'coupons',
  'stock',
  'tickets',
  'vendors',
]
const ACTIONS = ['', '/:id', '/:id/lines', '/:id/history', '/search']
const SPANS_PER_TRACE = 9
const SERVER = 2
const CLIENT = 3
const INTERNAL = 1

interface Patch {
  readonly traceId: number
  readonly spanId: number
  readonly parentId: number
  readonly startNs: number
  readonly endNs: number
  /** Index of the trace in the body, of the parent span in the trace (-1: root). */
  readonly trace: number
  readonly parent: number
  readonly offsetNs: number
  readonly durationNs: number
}

export function createTraffic(options: TrafficOptions): Traffic {
  const random = seededRandom(options.seed)
  const traces = options.tracesPerBody ?? 60
  const templates = Array.from({ length: options.templates ?? 48 }, (_, index) =>
    buildTemplate(random, index, traces, options.variety),
  )
  let next = 0
  return {
    spansPerBody: traces * SPANS_PER_TRACE,
    bodyBytes: templates.reduce((sum, { body }) => sum + body.length, 0) / templates.length,
    next(nowUnixMs) {
      const template = templates[next++ % templates.length]
      if (template === undefined) throw new Error('no templates')
      renew(template, random, nowUnixMs)
      return template.body
    },
  }
}

interface Template {
  readonly body: Buffer
  readonly patches: readonly Patch[]
}

function renew({ body, patches }: Template, random: () => number, nowUnixMs: number): void {
  const word = () => (random() * 0x1_0000_0000) >>> 0
  const nowMs = Math.floor(nowUnixMs)
  const spanIds: number[] = []
  let trace = -1
  let high = 0
  let low = 0
  let startMs = 0
  let startNs = 0
  let index = 0
  for (const patch of patches) {
    if (patch.trace !== trace) {
      trace = patch.trace
      high = word()
      low = word()
      const agoNs = (word() % 900_000_000) + 1_000_000_000
      startMs = nowMs - Math.ceil(agoNs / NS_PER_MS)
      startNs = Math.ceil(agoNs / NS_PER_MS) * NS_PER_MS - agoNs
      index = 0
      spanIds.length = 0
    }
    body.writeUInt32LE(high, patch.traceId)
    body.writeUInt32LE(low, patch.traceId + 4)
    body.writeUInt32LE((high ^ 0x9e37_79b9) >>> 0, patch.traceId + 8)
    body.writeUInt32LE((low ^ 0x85eb_ca6b) >>> 0, patch.traceId + 12)
    body.writeUInt32LE(word(), patch.spanId)
    body.writeUInt32LE((word() | 1) >>> 0, patch.spanId + 4)
    spanIds[index++] = patch.spanId
    if (patch.traceId + 12 < body.length)
      body.writeUInt32LE((low ^ 0x85eb_ca6b) >>> 0, patch.traceId + 12)
    const parent = spanIds[patch.parent]
    if (parent !== undefined && patch.parentId >= 0)
      body.copy(body, patch.parentId, parent, parent + 8)
    const offsetNs = startNs + patch.offsetNs
    writeUnixNs(body, patch.startNs, startMs, offsetNs)
    writeUnixNs(body, patch.endNs, startMs, offsetNs + patch.durationNs)
  }
}

const NS_PER_MS = 1_000_000
const TWO_32 = 0x1_0000_0000

/**
 * `unixMs` and nanoseconds after it as an exact 64-bit number, without a BigInt a time: the
 * generator shares the cores with what it measures. The milliseconds are split at 20 bits, so that each
 * product fits a double.
 */
function writeUnixNs(body: Buffer, at: number, unixMs: number, afterNs: number): void {
  const ms = unixMs + Math.floor(afterNs / NS_PER_MS)
  const upperMs = Math.floor(ms / 0x10_0000)
  const lower = (ms % 0x10_0000) * NS_PER_MS + (afterNs % NS_PER_MS)
  // upper * 2^20 = (upper >> 12) * 2^32 + (upper & 0xfff) * 2^20
  const upper = upperMs * NS_PER_MS
  const low = (upper % 0x1000) * 0x10_0000 + lower
  body.writeUInt32LE(low % TWO_32, at)
  body.writeUInt32LE(Math.floor(upper / 0x1000) + Math.floor(low / TWO_32), at + 4)
}

function buildTemplate(
  random: () => number,
  index: number,
  traces: number,
  variety: 'typical' | 'high',
): Template {
  const service = SERVICES[index % SERVICES.length] ?? 'service'
  const patches: Patch[] = []
  const scopeSpans = new ProtobufWriter()
  scopeSpans.messageField(1, scope => {
    scope.stringField(1, '@opentelemetry/instrumentation-http')
    scope.stringField(2, '0.223.0')
  })
  for (let trace = 0; trace < traces; trace++) {
    for (const span of spansOfTrace(random, service, variety)) {
      const message = new ProtobufWriter()
      const traceId = message.bytesField(1, new Uint8Array(16))
      const spanId = message.bytesField(2, new Uint8Array(8))
      const parentId = span.parent < 0 ? -1 : message.bytesField(4, new Uint8Array(8))
      message.stringField(5, span.name)
      message.varintField(6, span.kind)
      const startNs = message.fixed64Field(7, 0n)
      const endNs = message.fixed64Field(8, 0n)
      for (const [key, value] of span.attributes) message.attributeField(9, key, value)
      if (span.failed) message.messageField(15, status => status.varintField(3, 2))
      const base = scopeSpans.bytesField(2, message.bytes())
      patches.push({
        traceId: base + traceId,
        spanId: base + spanId,
        parentId: parentId < 0 ? -1 : base + parentId,
        startNs: base + startNs,
        endNs: base + endNs,
        trace,
        parent: span.parent,
        offsetNs: span.offsetNs,
        durationNs: span.durationNs,
      })
    }
  }

  const resourceSpans = new ProtobufWriter()
  resourceSpans.messageField(1, resource => {
    resource.attributeField(1, 'service.name', service)
    resource.attributeField(1, 'service.version', '4.7.1')
    resource.attributeField(1, 'service.instance.id', `${service}-${index % 3}`)
    resource.attributeField(1, 'deployment.environment.name', 'development')
    resource.attributeField(1, 'telemetry.sdk.language', 'nodejs')
    resource.attributeField(1, 'telemetry.sdk.version', '2.12.1')
  })
  const scopeBase = resourceSpans.bytesField(2, scopeSpans.bytes())
  const request = new ProtobufWriter()
  const base = request.bytesField(1, resourceSpans.bytes()) + scopeBase
  const move = (offset: number) => (offset < 0 ? -1 : offset + base)
  return {
    body: request.bytes(),
    patches: patches.map(patch => ({
      ...patch,
      traceId: move(patch.traceId),
      spanId: move(patch.spanId),
      parentId: move(patch.parentId),
      startNs: move(patch.startNs),
      endNs: move(patch.endNs),
    })),
  }
}

interface GeneratedSpan {
  readonly name: string
  readonly kind: number
  readonly parent: number
  readonly offsetNs: number
  readonly durationNs: number
  readonly failed: boolean
  readonly attributes: readonly (readonly [string, AttributeValue])[]
}

function spansOfTrace(
  random: () => number,
  service: string,
  variety: 'typical' | 'high',
): GeneratedSpan[] {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const whole = (limit: number) => Math.floor(random() * limit)
  const resource = pick(RESOURCES)
  const action = pick(ACTIONS)
  const method = random() < 0.8 ? 'GET' : 'POST'
  const route = `/api/${service}/${resource}${action}`
  const path = route.replace(':id', String(whole(1e6)))
  const failed = random() < 0.004
  const totalNs = Math.floor(8e6 * Math.exp(1.2 * gaussian(random)) + 2e6)
  const own = (key: string): [string, AttributeValue][] =>
    variety === 'high'
      ? [
          ['request.id', uuid(random)],
          ['enduser.id', `u-${whole(5e6)}`],
          [key, `${whole(1e9)}`],
        ]
      : [
          ['thread.id', whole(4)],
          ['host.arch', 'amd64'],
          [key, 'main'],
        ]
  const code = (line: number): [string, AttributeValue][] => [
    ['code.file.path', `/app/src/${resource}/${service}.js`],
    ['code.line.number', line],
  ]
  const spans: GeneratedSpan[] = [
    {
      name: `${method} ${route}`,
      kind: SERVER,
      parent: -1,
      offsetNs: 0,
      durationNs: totalNs,
      failed,
      attributes: [
        ['http.request.method', method],
        ['http.route', route],
        ['url.path', path],
        ['url.scheme', 'https'],
        ['http.response.status_code', failed ? 500 : 200],
        ['server.address', `${service}.example.com`],
        ['server.port', 443],
        ['client.address', `10.0.${whole(4)}.${whole(250)}`],
        ['user_agent.original', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140'],
        ...own('session.kind'),
      ],
    },
    {
      name: `middleware - ${pick(['session', 'router', 'auth'])}`,
      kind: INTERNAL,
      parent: 0,
      offsetNs: Math.floor(totalNs * 0.02),
      durationNs: Math.floor(totalNs * 0.9),
      failed: false,
      attributes: [
        ['express.name', 'router'],
        ['express.type', 'middleware'],
        ['http.route', route],
        ...code(10 + whole(5)),
        ['process.runtime.name', 'nodejs'],
        ['process.runtime.version', '20.20.2'],
        ['app.module', resource],
        ['app.layer', 'web'],
        ...own('app.mode'),
      ],
    },
  ]
  for (let n = 0; n < 6; n++) {
    const statement = whole(56)
    const durationNs = Math.floor(totalNs * 0.1 * (0.3 + random()))
    spans.push({
      name: `SELECT ${service}_${resource}`,
      kind: CLIENT,
      parent: 1,
      offsetNs: Math.floor(totalNs * (0.05 + n * 0.13)),
      durationNs,
      failed: false,
      attributes: [
        ['db.system.name', 'postgresql'],
        ['db.namespace', service],
        [
          'db.query.text',
          `SELECT t.id, t.name, t.column_${statement} FROM ${service}_${resource} t WHERE t.column_${statement % 11} = ${whole(1e6)} AND t.state = 'active' ORDER BY t.created_at DESC LIMIT 20`,
        ],
        ['db.operation.name', 'SELECT'],
        ['db.collection.name', `${service}_${resource}`],
        ['server.address', 'db.internal'],
        ['server.port', 5432],
        ...code(40 + n),
        ...own('db.user'),
      ],
    })
  }
  spans.push({
    name: 'GET',
    kind: CLIENT,
    parent: 1,
    offsetNs: Math.floor(totalNs * 0.84),
    durationNs: Math.floor(totalNs * 0.06),
    failed: false,
    attributes: [
      ['http.request.method', 'GET'],
      ['url.full', `https://prices.internal/v2/${resource}/${whole(1e5)}?currency=EUR`],
      ['server.address', 'prices.internal'],
      ['server.port', 443],
      ['http.response.status_code', 200],
      ['network.protocol.version', '1.1'],
      ['network.peer.address', '10.1.2.3'],
      ['network.peer.port', 443],
      ['http.request.resend_count', 0],
      ...own('http.flavor'),
    ],
  })
  return spans
}

/** Box and Muller, 1958. */
function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

function uuid(random: () => number): string {
  const hex = (length: number) => {
    let text = ''
    while (text.length < length)
      text += ((random() * 0x1_0000_0000) >>> 0).toString(16).padStart(8, '0')
    return text.slice(0, length)
  }
  return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`
}
