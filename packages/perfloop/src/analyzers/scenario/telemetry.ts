import { NS_PER_MS } from '../../domain/duration.ts'
import { createPseudoRandom, type PseudoRandom } from '../../statistics/pseudo-random.ts'

/**
 * Synthetic telemetry with a planted truth: an application is written down as what it does, and comes out as
 * OTLP JSON in the style of one instrumentation. Reproducible from its seed. For tests, benches and demos of
 * analyzers; `stories.ts` has applications with and without each problem.
 */
export interface TelemetryOptions {
  readonly seed: number
  readonly service: string
  readonly environment?: string
  readonly style?: Style
  /** When the first request begins. */
  readonly startUnixMs?: number
}

/** How an instrumentation writes down what happened. */
export interface Style {
  /** Names of attributes: before and after the semantic conventions became stable. */
  readonly conventions: 'legacy' | 'stable'
  readonly system: string
  /** A mapper's span with the same statement above the driver's. */
  readonly mapper?: boolean
  /** Statements with `$1` in place of values, and the values nowhere. */
  readonly placeholders?: boolean
  /** An unnamed internal span around every statement, as connection pools make. */
  readonly wrapped?: boolean
  /** Tells the rows a statement returned. */
  readonly rows?: boolean
  /** Tells file and line. */
  readonly code?: boolean
}

export const STYLES = {
  /** Flask or Django above psycopg2: statements with their literals. */
  pythonLegacy: { conventions: 'legacy', system: 'postgresql' },
  /** SQLAlchemy above a driver that is instrumented too: every statement twice. */
  sqlalchemy: { conventions: 'legacy', system: 'sqlite', mapper: true },
  /** Express above pg and its pool: placeholders, internal spans around. */
  expressPg: { conventions: 'legacy', system: 'postgresql', placeholders: true, wrapped: true },
  /** Newest conventions, with rows and code. */
  stable: { conventions: 'stable', system: 'mysql', rows: true, code: true },
  /** Hibernate above JDBC: placeholders and the mapper's span. */
  hibernate: { conventions: 'stable', system: 'postgresql', placeholders: true, mapper: true },
} as const satisfies Record<string, Style>

export interface QueryOptions {
  readonly ms?: number
  readonly rows?: number
  readonly failed?: boolean
  /** What the application was called from. */
  readonly code?: string
}

/** What happens within one execution; time passes with every call. */
export interface Execution {
  /** A statement with its literals; `{…}` around a value marks it as a parameter. */
  query(text: string, options?: QueryOptions): void
  /** A command of a key-value or document store. */
  command(system: string, text: string, options?: QueryOptions): void
  /** A span of the application's own, or of a template. */
  span(name: string, inside: (inner: Execution) => void, attributes?: Attributes): void
  /** A call to another service. */
  call(url: string, ms: number): void
  /** All at once: the time that passes is the longest. */
  parallel(branches: readonly ((branch: Execution) => void)[]): void
  /** The application computes. */
  compute(ms: number): void
  /** It ends as failed, with this exception. */
  fail(type: string, message: string): void
  /** It answers with this status, and the span says `error` or nothing, whatever the status is. */
  respond(status: number, says?: 'error'): void
}

export interface Telemetry {
  request(route: string, inside: (request: Execution) => void): void
  job(name: string, inside: (job: Execution) => void, kind?: 'internal' | 'consumer'): void
  /** All so far, as one ExportTraceServiceRequest. */
  toRequest(): object
  readonly traceIds: readonly string[]
}

type Attributes = Readonly<Record<string, string | number>>

interface Span {
  traceId: string
  spanId: string
  parentSpanId: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: object[]
  status: object
  events?: object[]
}

const KINDS = { internal: 1, server: 2, client: 3, consumer: 5 } as const
const START_UNIX_MS = Date.UTC(2026, 2, 1, 9)
const GAP_MS = 250

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const style: Style = options.style ?? STYLES.stable
  const random = createPseudoRandom(options.seed)
  const spans: Span[] = []
  const traceIds: string[] = []
  let nowMs = options.startUnixMs ?? START_UNIX_MS

  function execution(
    name: string,
    kind: keyof typeof KINDS,
    attributes: Attributes,
    inside: (execution: Execution) => void,
  ): void {
    const traceId = hex(random, 32)
    traceIds.push(traceId)
    const scope: Scope = { traceId, spans, style, random, failure: undefined, answer: undefined }
    const root = open(scope, '', name, kind, nowMs, attributes)
    const end = run(scope, root.spanId, nowMs, inside)
    close(root, end)
    if (scope.failure !== undefined) markFailed(root, scope.failure, style)
    else if (kind === 'server') {
      root.attributes.push(attribute(statusKey(style), scope.answer?.status ?? 200))
      if (scope.answer?.says === 'error') root.status = { code: 2 }
    }
    nowMs = end + GAP_MS * (0.5 + random.next())
  }

  return {
    traceIds,
    request(route, inside) {
      const [method = 'GET', path = '/'] = route.split(' ')
      const attributes =
        style.conventions === 'stable'
          ? { 'http.request.method': method, 'http.route': path, 'url.path': path }
          : { 'http.method': method, 'http.route': path, 'http.target': path }
      execution(route, 'server', attributes, inside)
    },
    job(name, inside, kind = 'internal') {
      execution(name, kind, {}, inside)
    },
    toRequest: () => ({
      resourceSpans: [
        {
          resource: {
            attributes: [
              attribute('service.name', options.service),
              attribute('deployment.environment.name', options.environment ?? 'production'),
            ],
          },
          scopeSpans: [{ scope: { name: 'scenario' }, spans }],
        },
      ],
    }),
  }
}

interface Scope {
  readonly traceId: string
  readonly spans: Span[]
  readonly style: Style
  readonly random: PseudoRandom
  failure: { readonly type: string; readonly message: string; readonly atMs: number } | undefined
  answer: { readonly status: number; readonly says: 'error' | undefined } | undefined
}

/** Runs what happens inside a span; answers when it ended. */
function run(
  scope: Scope,
  parentSpanId: string,
  startMs: number,
  inside: (execution: Execution) => void,
): number {
  let atMs = startMs
  const within = (parent: string, from: number, inner: (execution: Execution) => void) =>
    run(scope, parent, from, inner)

  inside({
    query(text, given = {}) {
      atMs = statement(scope, parentSpanId, atMs, text, given)
    },
    command(system, text, { ms = 0.3 } = {}) {
      const attributes = databaseAttributes({ ...scope.style, system }, text, {})
      const span = open(scope, parentSpanId, text.split(' ')[0] ?? text, 'client', atMs, attributes)
      atMs += ms
      close(span, atMs)
    },
    span(name, inner, attributes = {}) {
      const span = open(scope, parentSpanId, name, 'internal', atMs, attributes)
      atMs = within(span.spanId, atMs, inner)
      close(span, atMs)
    },
    call(url, ms) {
      const attributes =
        scope.style.conventions === 'stable'
          ? { 'http.request.method': 'GET', 'url.full': url }
          : { 'http.method': 'GET', 'http.url': url }
      const span = open(scope, parentSpanId, 'GET', 'client', atMs, attributes)
      atMs += ms
      close(span, atMs)
    },
    parallel(branches) {
      const from = atMs
      for (const branch of branches) atMs = Math.max(atMs, within(parentSpanId, from, branch))
    },
    compute(ms) {
      atMs += ms
    },
    fail(type, message) {
      scope.failure = { type, message, atMs }
    },
    respond(status, says) {
      scope.answer = { status, says }
    },
  })
  return atMs
}

function statement(
  scope: Scope,
  parentSpanId: string,
  startMs: number,
  text: string,
  given: QueryOptions,
): number {
  const { style, random } = scope
  const ms = (given.ms ?? 1) * (0.8 + 0.4 * random.next())
  const sent = asSent(text, style)
  const name = sent.split(' ')[0] ?? 'query'
  const attributes = databaseAttributes(style, sent, given)
  const layers: Span[] = []
  let parent = parentSpanId
  if (style.wrapped === true) {
    layers.push(open(scope, parent, 'pg-pool.connect', 'internal', startMs, {}))
    parent = layers.at(-1)?.spanId ?? parent
  }
  if (style.mapper === true) {
    layers.push(open(scope, parent, name, 'client', startMs, attributes))
    parent = layers.at(-1)?.spanId ?? parent
  }
  layers.push(open(scope, parent, name, 'client', startMs, attributes))
  for (const span of layers) close(span, startMs + ms)
  // What the application does with the rows.
  return startMs + ms + 0.05
}

/** `{7}` is `7`, or the next placeholder where the style has them. */
function asSent(text: string, style: Style): string {
  let place = 0
  return text.replaceAll(/\{([^}]*)\}/g, (_, value: string) => {
    place += 1
    if (style.placeholders !== true) return value
    return style.system === 'postgresql' ? `$${place}` : '?'
  })
}

function databaseAttributes(style: Style, text: string, given: QueryOptions): Attributes {
  const stable = style.conventions === 'stable'
  return {
    [stable ? 'db.system.name' : 'db.system']: style.system,
    [stable ? 'db.query.text' : 'db.statement']: text,
    ...(style.rows === true && given.rows !== undefined
      ? { 'db.response.returned_rows': given.rows }
      : {}),
    ...(style.code === true
      ? { 'code.file.path': given.code ?? 'app/models.py', 'code.line.number': 42 }
      : {}),
  }
}

function open(
  scope: Scope,
  parentSpanId: string,
  name: string,
  kind: keyof typeof KINDS,
  startMs: number,
  attributes: Attributes,
): Span {
  const span = {
    traceId: scope.traceId,
    spanId: hex(scope.random, 16),
    parentSpanId,
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nano(startMs),
    endTimeUnixNano: nano(startMs),
    attributes: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    status: {},
  }
  scope.spans.push(span)
  return span
}

function close(span: Span, endMs: number): void {
  span.endTimeUnixNano = nano(endMs)
}

function markFailed(span: Span, failure: NonNullable<Scope['failure']>, style: Style): void {
  span.status = { code: 2, message: failure.message }
  span.attributes.push(attribute(statusKey(style), 500))
  span.events = [
    {
      timeUnixNano: nano(failure.atMs),
      name: 'exception',
      attributes: [
        attribute('exception.type', failure.type),
        attribute('exception.message', failure.message),
      ],
    },
  ]
}

function statusKey(style: Style): string {
  return style.conventions === 'stable' ? 'http.response.status_code' : 'http.status_code'
}

function attribute(key: string, value: string | number) {
  return {
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }
}

function nano(ms: number): string {
  const whole = Math.floor(ms)
  return (
    BigInt(whole) * BigInt(NS_PER_MS) +
    BigInt(Math.round((ms - whole) * NS_PER_MS))
  ).toString()
}

function hex(random: PseudoRandom, digits: number): string {
  let text = ''
  while (text.length < digits) {
    text += Math.floor(random.next() * 0xffffffff)
      .toString(16)
      .padStart(8, '0')
  }
  return text.slice(0, digits)
}
