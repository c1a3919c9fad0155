import { z } from 'zod'

const Attribute = z.looseObject({ key: z.string() })
const Span = z.looseObject({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  kind: z.union([z.number(), z.string()]).optional(),
  startTimeUnixNano: z.union([z.number(), z.string()]).optional(),
  endTimeUnixNano: z.union([z.number(), z.string()]).optional(),
  attributes: z.array(Attribute).optional(),
})
type Span = z.output<typeof Span>

const Request = z.looseObject({
  resourceSpans: z.array(
    z.looseObject({
      scopeSpans: z.array(z.looseObject({ spans: z.array(z.unknown()).optional() })).optional(),
    }),
  ),
})
type Resource = z.output<typeof Request>['resourceSpans'][number]

const ENTRY_KINDS: ReadonlySet<unknown> = new Set([2, 5, 'SPAN_KIND_SERVER', 'SPAN_KIND_CONSUMER'])
const STATEMENT_KEYS: ReadonlySet<string> = new Set(['db.statement', 'db.query.text'])
const INTERNAL = 1

/**
 * Requests of a file in which every trace has a beginning. A capture may leave out the spans that requests
 * begin with: it was cut, filtered, or taken behind a service that is not in it. What is there is all there will
 * be, so the topmost span of such a trace counts as its entry; when statements alone are left, the span they all
 * name as their parent stands in for it, as long as they lasted.
 */
export function completeTraces(requests: readonly unknown[]): readonly unknown[] {
  const spans = requests.flatMap(request => resourcesOf(request).flatMap(spansOf))
  const known = new Set(spans.map(identity))
  const begun = new Set(spans.filter(isEntry).map(({ traceId }) => traceId))
  if (spans.every(({ traceId }) => begun.has(traceId))) return requests
  return requests.map(request => {
    const parsed = Request.safeParse(request)
    if (!parsed.success) return request
    const resourceSpans = parsed.data.resourceSpans.map(resource =>
      completed(resource, span => !begun.has(span.traceId) && !known.has(parentIdentity(span))),
    )
    return { ...parsed.data, resourceSpans }
  })
}

function completed(resource: Resource, isTopmost: (span: Span) => boolean): Resource {
  const orphans = spansOf(resource).filter(isTopmost)
  if (orphans.length === 0) return resource
  const heads = new Set(orphans.filter(span => !isStatement(span)).map(identity))
  const scopeSpans = (resource.scopeSpans ?? []).map(scope => ({
    ...scope,
    spans: scope.spans?.map(given => {
      const { data: span } = Span.safeParse(given)
      if (span === undefined || !heads.has(identity(span))) return given
      const { parentSpanId: _, ...head } = span
      return head
    }),
  }))
  const left = new Map<string, Span[]>()
  for (const span of orphans.filter(isStatement)) {
    const siblings = left.get(parentIdentity(span))
    if (siblings === undefined) left.set(parentIdentity(span), [span])
    else siblings.push(span)
  }
  return { ...resource, scopeSpans: [...scopeSpans, { spans: [...left.values()].map(standIn) }] }
}

/** The parent that statements name and the file does not have. */
function standIn(statements: readonly Span[]): Span {
  const [first] = statements
  const starts = ascending(statements.map(({ startTimeUnixNano }) => startTimeUnixNano))
  const ends = ascending(statements.map(({ endTimeUnixNano }) => endTimeUnixNano))
  return {
    traceId: first?.traceId ?? '',
    spanId: first?.parentSpanId ?? '',
    name: '(not in the file)',
    kind: INTERNAL,
    startTimeUnixNano: String(starts.at(0) ?? 0),
    endTimeUnixNano: String(ends.at(-1) ?? 0),
  }
}

/** What is no time is for the decoder to complain of. */
function ascending(times: readonly (number | string | undefined)[]): readonly bigint[] {
  return times
    .map(time => String(time))
    .filter(time => /^\d+$/.test(time))
    .map(BigInt)
    .toSorted((a, b) => (a < b ? -1 : 1))
}

function resourcesOf(request: unknown): readonly Resource[] {
  return Request.safeParse(request).data?.resourceSpans ?? []
}

function spansOf(resource: Resource): readonly Span[] {
  return (resource.scopeSpans ?? []).flatMap(({ spans = [] }) =>
    spans.flatMap(span => Span.safeParse(span).data ?? []),
  )
}

function isEntry({ kind, parentSpanId }: Span): boolean {
  return ENTRY_KINDS.has(kind) || parentSpanId === undefined || /^0*$/.test(parentSpanId)
}

function isStatement({ attributes = [] }: Span): boolean {
  return attributes.some(({ key }) => STATEMENT_KEYS.has(key))
}

function identity({ traceId, spanId }: Span): string {
  return `${traceId}:${spanId}`
}

function parentIdentity({ traceId, parentSpanId = '' }: Span): string {
  return `${traceId}:${parentSpanId}`
}
