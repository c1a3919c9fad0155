import type { Clock } from '../../domain/clock.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { Settings } from '../../settings/settings.ts'
import { AnyValueJson, type ValueLimits } from '../decode/any-value.ts'
import { AttributeCache } from '../decode/attribute-cache.ts'
import { otlpJsonToProtobuf } from '../decode/otlp-json.ts'
import { MalformedBody, ProtobufReader } from '../decode/protobuf-reader.ts'
import {
  type ExportPlace,
  type ExportVisitor,
  walkExportRequest,
} from '../decode/walk-export-request.ts'
import { StatementBook } from '../enrich/statement-book.ts'
import type {
  BodyEncoding,
  IngestBuffer,
  IngestOutcome,
  IngestStatistics,
  NativeBlock,
  ReceiveContext,
  Signal,
} from '../ingest-buffer.ts'
import { KeyedHash } from '../redact/keyed-hash.ts'
import { LogRows } from './log-rows.ts'
import { Mentions } from './mentions.ts'
import { MetricRows } from './metric-rows.ts'
import { PatternRows } from './pattern-rows.ts'
import { Rejections } from './rejections.ts'
import { type Resource, ResourceBook } from './resource-book.ts'
import type { RoutedServices } from './routed-services.ts'
import { ScopeBook } from './scope-book.ts'
import { ServiceBook } from './service-book.ts'
import { type Scope, ShapeBook } from './shape-book.ts'
import { SpanAssembler, type TimeWindow } from './span-assembler.ts'

export interface IngestBufferOptions {
  readonly settings: Settings['ingest']
  /** How long spans are kept: written to each row on arrival. */
  readonly measurementDays: number
  /** Secret of this installation, 8 bytes or more: what literals are hashed with. */
  readonly parameterKey: Uint8Array
  readonly clock: Clock
  /** Without them, services are learned to tell routes when they do. */
  readonly routedServices?: RoutedServices
}

export function createIngestBuffer(options: IngestBufferOptions): IngestBuffer {
  return new ColumnBuffer(options)
}

type Watcher = Parameters<IngestBuffer['watch']>[0]

const ITEM_NAMES = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
} as const satisfies Record<Signal, readonly [string, string, string]>

class ColumnBuffer implements IngestBuffer {
  private readonly settings: Settings['ingest']
  private readonly measurementDays: number
  private readonly clock: Clock
  private readonly limited = new Map<string, number>()
  private readonly rejected = new Map<string, number>()
  private spansAccepted = 0
  private pointsAccepted = 0
  private logsAccepted = 0
  private watcher: Watcher
  private knownPatternEvictions = 0

  private readonly mentions = new Mentions()
  private readonly services: ServiceBook
  private readonly resources: ResourceBook
  private readonly scopes = new ScopeBook()
  private readonly cache: AttributeCache
  private readonly shapes: ShapeBook
  private readonly statements: StatementBook
  private readonly patterns = new PatternRows()
  private readonly spans: SpanAssembler
  private readonly metrics: MetricRows
  private readonly logs: LogRows

  constructor(options: IngestBufferOptions) {
    const { settings, measurementDays, parameterKey, clock, routedServices } = options
    this.settings = settings
    this.measurementDays = measurementDays
    this.clock = clock
    const onLimited = (reason: string, count: number) => add(this.limited, reason, count)
    const limits: ValueLimits = {
      maxValueBytes: settings.maxAttributeValueBytes,
      maxDepth: settings.maxNestingDepth,
      onCut: reason => onLimited(reason, 1),
    }
    const json = new AnyValueJson(limits)
    const keyedHash = new KeyedHash(parameterKey)
    this.services = new ServiceBook(settings, routedServices)
    this.resources = new ResourceBook(
      this.mentions,
      this.services,
      json,
      settings.defaultEnvironment,
    )
    this.cache = new AttributeCache(limits, json)
    this.shapes = new ShapeBook(this.mentions, settings.patternCompression)
    this.statements = new StatementBook(keyedHash, settings.maxAttributeValueBytes)
    this.spans = new SpanAssembler({
      cache: this.cache,
      json,
      services: this.services,
      shapes: this.shapes,
      statements: this.statements,
      patterns: this.patterns,
      mentions: this.mentions,
      keyedHash,
      limits: settings,
      onLimited,
    })
    this.metrics = new MetricRows(json, settings.maxAttributesPerSpan, settings.maxSpansPerRequest)
    this.logs = new LogRows(json, settings.maxAttributesPerSpan)
  }

  get rows(): number {
    let rows = this.spans.rows.rows
    for (const table of this.tables()) rows += table.rows
    return rows
  }

  private tables() {
    return [
      this.resources.rows,
      this.shapes.rows,
      this.patterns.rows,
      this.metrics.scalars,
      this.metrics.points,
      this.logs.rows,
    ] as const
  }

  add(
    signal: Signal,
    encoding: BodyEncoding,
    body: Uint8Array,
    context: ReceiveContext,
  ): IngestOutcome {
    this.mark()
    this.forgetOldPatterns()
    const bytes = encoding === 'json' ? otlpJsonToProtobuf(signal, body) : body
    const request = new Request(signal, context, this.window(), {
      resources: this.resources,
      scopes: this.scopes,
      spans: this.spans,
      metrics: this.metrics,
      logs: this.logs,
      maxItems: this.settings.maxSpansPerRequest,
    })
    try {
      request.read(bytes)
    } catch (error) {
      this.rollBack()
      if (error instanceof MalformedBody) throw request.unreadable(error)
      throw error
    }
    this.spans.finish()
    this.count(signal, request)
    this.show(context)
    const { accepted, rejections } = request
    return { accepted, rejected: rejections.total, message: rejections.message() }
  }

  /** Attributes remember the patterns of their statements, which must not outlive the bound on those. */
  private forgetOldPatterns(): void {
    if (this.statements.evictions === this.knownPatternEvictions) return
    this.knownPatternEvictions = this.statements.evictions
    this.cache.forget()
  }

  private window(): TimeWindow {
    const nowMs = this.clock.nowUnixMs()
    this.mentions.nowUnixSeconds = Math.floor(nowMs / 1000)
    return {
      earliestMs: nowMs - this.settings.maxPastMs,
      latestMs: nowMs + this.settings.maxFutureMs,
    }
  }

  private mark(): void {
    this.mentions.mark()
    this.spans.mark()
    for (const table of this.tables()) table.mark()
    this.metrics.mark()
  }

  private rollBack(): void {
    this.mentions.rollBack()
    this.spans.rollBack()
    for (const table of this.tables()) table.rollBack()
  }

  private count(signal: Signal, request: Request): void {
    if (signal === 'traces') this.spansAccepted += request.accepted
    else if (signal === 'metrics') this.pointsAccepted += request.accepted
    else this.logsAccepted += request.accepted
    for (const [reason, count] of request.rejections.entries()) add(this.rejected, reason, count)
  }

  private show(context: ReceiveContext): void {
    if (this.watcher === undefined) return
    const spans = this.spans.live(this.watcher.entriesOnly, context.receivedUnixMs)
    if (spans.length > 0) this.watcher.onSpans(spans)
  }

  take(receivedUnixSeconds: number): readonly NativeBlock[] {
    const blocks: NativeBlock[] = []
    if (this.spans.rows.rows > 0) {
      blocks.push(this.spans.rows.take(receivedUnixSeconds, this.measurementDays))
    }
    for (const table of this.tables()) {
      if (table.rows === 0) continue
      const { columns } = table
      const time = 'last_seen' in columns ? columns.last_seen : columns.received_at
      time.fill(receivedUnixSeconds, table.rows)
      blocks.push(table.take())
    }
    return blocks
  }

  forgetMentions(): void {
    this.mentions.forget()
  }

  watch(watcher: Watcher): void {
    this.watcher = watcher
  }

  statistics(): IngestStatistics {
    const books = [
      this.services,
      this.resources,
      this.scopes,
      this.cache,
      this.shapes,
      this.statements,
      this.spans,
    ]
    return {
      spansAccepted: this.spansAccepted,
      pointsAccepted: this.pointsAccepted,
      logsAccepted: this.logsAccepted,
      rejected: Object.fromEntries(this.rejected),
      limited: Object.fromEntries(this.limited),
      cacheBytes: books.reduce((sum, book) => sum + book.cacheBytes, 0),
      cacheEvictions:
        this.cache.evictions +
        this.shapes.evictions +
        this.statements.evictions +
        this.resources.evictions,
      operations: this.services.counters(),
    }
  }
}

interface RequestParts {
  readonly resources: ResourceBook
  readonly scopes: ScopeBook
  readonly spans: SpanAssembler
  readonly metrics: MetricRows
  readonly logs: LogRows
  readonly maxItems: number
}

/** One export request while it is read. */
class Request implements ExportVisitor {
  private readonly signal: Signal
  private readonly context: ReceiveContext
  private readonly window: TimeWindow
  private readonly parts: RequestParts
  private readonly place: ExportPlace = {
    resource: -1,
    scope: -1,
    item: -1,
    resourceStart: 0,
    resourceEnd: 0,
  }
  private resource: Resource | undefined = undefined
  private scope: Scope | undefined = undefined
  private items = 0
  readonly rejections = new Rejections()
  accepted = 0

  constructor(signal: Signal, context: ReceiveContext, window: TimeWindow, parts: RequestParts) {
    this.signal = signal
    this.context = context
    this.window = window
    this.parts = parts
  }

  read(bytes: Uint8Array): void {
    walkExportRequest(new ProtobufReader(bytes), this, this.place)
  }

  readResource(reader: ProtobufReader, end: number): void {
    const { resources, spans } = this.parts
    this.resource = resources.read(reader, end, this.context.environment)
    if (this.signal === 'traces') spans.enterResource(this.place)
  }

  readScope(reader: ProtobufReader, end: number): void {
    this.scope = this.parts.scopes.read(reader, end)
  }

  readItem(reader: ProtobufReader, end: number): void {
    const { resource, scope, parts, rejections } = this
    if (resource === undefined || scope === undefined) return
    if (this.signal === 'metrics') {
      this.accepted += parts.metrics.add(reader, end, resource, this.window, rejections)
      return
    }
    if (++this.items > parts.maxItems) {
      rejections.add('too_many')
      return
    }
    const reason =
      this.signal === 'traces'
        ? parts.spans.add(reader, end, resource, scope, this.window)
        : parts.logs.add(reader, end, resource, scope, this.window, this.context.receivedUnixMs)
    if (reason === undefined) this.accepted++
    else rejections.add(reason)
  }

  unreadable(error: MalformedBody): PerfloopError {
    const { offset, expected } = error
    return new PerfloopError('OTLP_BODY_UNREADABLE', { offset, path: this.path(), expected }, error)
  }

  /** Such as `resourceSpans[0].scopeSpans[0].spans[17].attributes[3]`. */
  private path(): string {
    const [resources, scopes, items] = ITEM_NAMES[this.signal]
    const { resource, scope, item } = this.place
    if (resource < 0) return ''
    let path = `${resources}[${resource}]`
    if (scope < 0) return path
    path += `.${scopes}[${scope}]`
    if (item < 0) return path
    path += `.${items}[${item}]`
    return this.signal === 'traces' ? path + this.parts.spans.message.innerPath : path
  }
}

function add(counts: Map<string, number>, reason: string, count: number): void {
  counts.set(reason, (counts.get(reason) ?? 0) + count)
}
