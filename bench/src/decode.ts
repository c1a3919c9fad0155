import { createIngestBuffer } from 'perfloop/internal/ingest/columns/create-ingest-buffer'
import { otlpJsonToProtobuf } from 'perfloop/internal/ingest/decode/otlp-json'
import { defaultSettings } from 'perfloop/internal/settings/settings'

/** Spans of a trace: one server span, its statements and a call. */
const SPANS_PER_TRACE = 16
const OPERATIONS = 200
const STATEMENTS = 500
const BATCH_SPANS = 512

interface DecodeOptions {
  /** How long to measure, seconds. */
  readonly seconds: number | undefined
}

type DecodeFigures = {
  readonly spans: number
  readonly bytesPerSpan: number
  /** Median over rounds: decode, enrich, columns and Native blocks. */
  readonly microsecondsPerSpan: number
}

/** How long a span takes from the bytes of its protobuf request to its row in a Native block, on one core. */
export async function run(options: DecodeOptions): Promise<DecodeFigures> {
  const nowMs = Date.now()
  const bodies = Array.from({ length: 64 }, (_, batch) => makeBatch(batch, nowMs))
  const buffer = createIngestBuffer({
    settings: defaultSettings().ingest,
    measurementDays: 7,
    parameterKey: new Uint8Array(16).fill(7),
    clock: { nowUnixMs: () => nowMs },
  })
  const round = () => {
    const started = performance.now()
    let spans = 0
    for (const [i, body] of bodies.entries()) {
      spans += buffer.add('traces', 'protobuf', body, { receivedUnixMs: nowMs }).accepted
      if (i % 8 === 7) buffer.take(Math.floor(nowMs / 1000))
    }
    return { spans, us: ((performance.now() - started) * 1000) / spans }
  }

  round()
  round()
  const rounds: number[] = []
  const until = performance.now() + (options.seconds ?? 3) * 1000
  let spans = 0
  do {
    const { spans: seen, us } = round()
    spans += seen
    rounds.push(us)
  } while (performance.now() < until)
  rounds.sort((a, b) => a - b)
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0)
  return {
    spans,
    bytesPerSpan: Math.round(bytes / (bodies.length * BATCH_SPANS)),
    microsecondsPerSpan: Number((rounds[rounds.length >> 1] ?? 0).toFixed(2)),
  }
}

let seed = 42
function random(): number {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
  return seed / 2 ** 32
}

function hex(bytes: number): string {
  let text = ''
  for (let i = 0; i < bytes; i++) {
    text += Math.floor(random() * 256)
      .toString(16)
      .padStart(2, '0')
  }
  return text
}

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
const int = (key: string, intValue: number) => ({ key, value: { intValue } })

function makeBatch(batch: number, nowMs: number): Uint8Array {
  const spans: object[] = []
  for (let i = 0; i < BATCH_SPANS; i += SPANS_PER_TRACE) {
    spans.push(...makeTrace(nowMs - 1000 + batch * 10 + i / 100))
  }
  const request = {
    resourceSpans: [
      {
        resource: {
          attributes: [
            text('service.name', `shop-${batch % 4}`),
            text('service.instance.id', `shop-${batch % 4}-a`),
            text('deployment.environment.name', 'production'),
            text('telemetry.sdk.language', 'nodejs'),
            text('host.name', 'host-1'),
          ],
        },
        scopeSpans: [
          { scope: { name: '@opentelemetry/instrumentation', version: '0.71.0' }, spans },
        ],
      },
    ],
  }
  return otlpJsonToProtobuf('traces', Buffer.from(JSON.stringify(request)))
}

function makeTrace(startMs: number): object[] {
  const traceId = hex(16)
  const rootId = hex(8)
  const operation = Math.floor(random() * OPERATIONS)
  const times = (offsetMs: number, durationMs: number) => {
    const start = BigInt(Math.round((startMs + offsetMs) * 1e6))
    const end = start + BigInt(Math.round(durationMs * 1e6))
    return { startTimeUnixNano: String(start), endTimeUnixNano: String(end) }
  }
  const root = {
    traceId,
    spanId: rootId,
    name: `GET /area${operation}/:id`,
    kind: 2,
    ...times(0, 20 + random() * 80),
    attributes: [
      text('http.request.method', 'GET'),
      text('http.route', `/area${operation}/:id`),
      text('url.path', `/area${operation}/${Math.floor(random() * 1e6)}`),
      text('url.scheme', 'https'),
      int('http.response.status_code', random() < 0.01 ? 500 : 200),
      text('server.address', 'shop.example.com'),
      int('server.port', 443),
      text('client.address', `10.0.${Math.floor(random() * 256)}.${Math.floor(random() * 256)}`),
      text('user_agent.original', `Mozilla/5.0 (X11; Linux) build/${Math.floor(random() * 20)}`),
      text('network.protocol.version', '1.1'),
      int('http.response.body.size', Math.floor(random() * 50_000)),
      text('thread.name', `worker-${Math.floor(random() * 8)}`),
    ],
  }
  const children = Array.from({ length: SPANS_PER_TRACE - 1 }, (_, i) => {
    const statement = Math.floor(random() * STATEMENTS)
    return {
      traceId,
      spanId: hex(8),
      parentSpanId: rootId,
      name: `pg.query:SELECT shop`,
      kind: 3,
      ...times(1 + i * 2, random() * 5),
      attributes: [
        text('db.system.name', 'postgresql'),
        text(
          'db.query.text',
          `SELECT id, name, price FROM table_${statement} WHERE shop_id = $1 AND state = $2 ORDER BY id LIMIT 50`,
        ),
        text('db.namespace', 'shop'),
        text('server.address', 'db.example.com'),
        int('server.port', 5432),
        text('db.user', 'shop'),
        text('code.file.path', `/app/src/models/model-${statement % 60}.js`),
        int('code.line.number', 10 + (statement % 60)),
        text('code.function.name', `find${statement % 60}`),
        int('db.response.returned_rows', Math.floor(random() * 50)),
        text('thread.name', `worker-${Math.floor(random() * 8)}`),
        text('db.connection_id', `c${Math.floor(random() * 20)}`),
      ],
    }
  })
  return [root, ...children]
}
