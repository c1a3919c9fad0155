import type { Agent } from '../agent.ts'
import { SilentSpan } from '../bridge/silent-span.ts'
import { declareRoute } from '../declare/declarations.ts'
import { spanIdOf, traceIdOf } from '../propagate/trace-context.ts'
import { activeSpan } from '../record/active-span.ts'
import { beginRender, endRender, RenderSpan, renderSchema, traceRender } from './render-span.ts'
import { noteErrorOf, noteRoute } from './request-span.ts'
import { wrapMethod } from './wrap-method.ts'

const NEXT = renderSchema('next')

interface SpanOptions {
  readonly attributes?: Readonly<Record<string, unknown>>
}

type Trace = (this: unknown, type: string, ...rest: unknown[]) => unknown

/** Next's own tracer, by which it would talk to OpenTelemetry: `dist/server/lib/trace/tracer.js`. */
interface NextTracer {
  isOpenTelemetryEnabled(): boolean
  setRootSpanAttribute(key: string, value: unknown): unknown
  trace: Trace
  startSpan(name: string, options?: SpanOptions): unknown
}

const seen = new WeakSet<object>()

/**
 * Routes, rendering and first errors of Next.js, of both its routers, from the calls to its own tracer. React is within
 * its bundles, where nothing else can be seen. Its spans for OpenTelemetry are left out: the request, the rendering and
 * the calls that they tell are here already.
 */
export function instrumentNextTracer(agent: Agent, exports: object): void {
  const tracer = (exports as { getTracer(): object }).getTracer()
  const prototype = Object.getPrototypeOf(tracer) as NextTracer
  if (seen.has(prototype)) return
  seen.add(prototype)
  wrapMethod(
    prototype,
    'isOpenTelemetryEnabled',
    isEnabled =>
      function (this: NextTracer) {
        return agent.recorder.isStopped && isEnabled.call(this)
      },
  )
  wrapMethod(
    prototype,
    'setRootSpanAttribute',
    setAttribute =>
      function (this: NextTracer, key, value) {
        if (key === 'next.route') noteNextRoute(value)
        return setAttribute.call(this, key, value)
      },
  )
  wrapMethod(
    prototype,
    'trace',
    trace =>
      function (type, ...rest) {
        if (type === 'Render.renderDocument') {
          const { attributes } = rest[0] as SpanOptions
          const route = attributes?.['next.route']
          const name = typeof route === 'string' ? route : 'next'
          return traceRender(agent, NEXT, name, () => trace.call(this, type, ...rest))
        }
        return trace.call(this, type, ...rest)
      },
  )
  wrapMethod(
    prototype,
    'startSpan',
    startSpan =>
      function (this: NextTracer, name, options) {
        const { attributes } = options ?? {}
        const route = attributes?.['next.route']
        const isRender = attributes?.['next.span_type'] === 'AppRender.getBodyResult'
        const span = isRender && typeof route === 'string' ? beginRender() : undefined
        if (span === undefined || agent.recorder.isStopped) {
          return startSpan.call(this, name, options)
        }
        return new NextRender(agent, span, String(route))
      },
  )
}

/** The span that Next ends when the last of a page was streamed, and that it tells errors. A span of OpenTelemetry's. */
class NextRender extends SilentSpan {
  readonly #agent: Agent
  readonly #span: RenderSpan
  readonly #route: string
  #isOver = false
  #error: unknown

  constructor(agent: Agent, span: RenderSpan, route: string) {
    super()
    this.#agent = agent
    this.#span = span
    this.#route = route
  }

  isRecording(): boolean {
    return !this.#isOver
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    endRender(this.#agent, NEXT, this.#span, this.#route, this.#error)
  }

  recordException(error: unknown): void {
    this.#error ??= error
    noteErrorOf(this.#span.outer, error)
  }

  spanContext(): { traceId: string; spanId: string; traceFlags: number } {
    const { id0, id1 } = this.#span
    return { traceId: traceIdOf(this.#span), spanId: spanIdOf(id0, id1), traceFlags: 1 }
  }
}

function noteNextRoute(route: unknown): void {
  const span = requestSpan()
  // Pages that Next shows where something went wrong.
  if (span === undefined || typeof route !== 'string' || isOwnPage(route)) return
  span.place = route
}

function requestSpan() {
  const span = activeSpan.getStore()
  return span instanceof RenderSpan ? span.outer : span
}

function isOwnPage(route: string): boolean {
  return route.startsWith('/_') || route === '/404' || route === '/500'
}

interface SendStream {
  readonly req?: { readonly url?: unknown }
  pipe(response: unknown): unknown
}

const BUILT_FILES = '/_next/static/'

/** `dist/compiled/send`: files that the build has made. Their names change with each, and are one route. */
export function instrumentNextFiles(agent: Agent, exports: object): void {
  const send = exports as (request: object, path: string) => SendStream
  const prototype = Object.getPrototypeOf(send({ headers: {} }, '/')) as SendStream
  wrapMethod(
    prototype,
    'pipe',
    pipe =>
      function (this: SendStream, response) {
        try {
          const { req: request } = this
          const [path = ''] = String(request?.url).split('?', 1)
          const at = path.indexOf(BUILT_FILES)
          if (request !== undefined && at >= 0) {
            noteRoute(request, `${path.slice(0, at)}${BUILT_FILES}*`)
          }
        } catch (error) {
          agent.report('naming a file of Next.js', error)
        }
        return pipe.call(this, response)
      },
  )
}

interface RouteModule {
  instrumentationOnRequestError(request: unknown, error: unknown, ...rest: unknown[]): unknown
}

/** Bundles of which each page and handler has one: here Next hands on what these throw. */
export const NEXT_BUNDLES = ['app-page', 'app-route', 'pages', 'pages-api'].flatMap(kind =>
  ['', '-turbo', '-experimental', '-turbo-experimental'].flatMap(variant =>
    ['prod', 'dev'].map(mode => `dist/compiled/next-server/${kind}${variant}.runtime.${mode}.js`),
  ),
)

export function instrumentNextBundle(agent: Agent, exports: object): void {
  for (const exported of Object.values(exports) as { prototype?: object }[]) {
    const owner = ownerOf(exported?.prototype, 'instrumentationOnRequestError')
    if (owner === undefined || seen.has(owner)) continue
    seen.add(owner)
    wrapMethod(
      owner as RouteModule,
      'instrumentationOnRequestError',
      onRequestError =>
        function (this: RouteModule, request, error, ...rest) {
          try {
            const span = requestSpan()
            if (span !== undefined) noteErrorOf(span, error)
          } catch (failure) {
            agent.report('reading an error of Next.js', failure)
          }
          return onRequestError.call(this, request, error, ...rest)
        },
    )
  }
}

/** Which of an object and those it inherits from has a method. */
function ownerOf(prototype: object | undefined, method: string): object | undefined {
  let owner: object | null = prototype ?? null
  while (owner !== null && !Object.hasOwn(owner, method)) owner = Object.getPrototypeOf(owner)
  return owner ?? undefined
}

type Manifest = Readonly<Record<string, string>> | undefined

interface NextServer {
  getPagesManifest(): Manifest
  getAppPathsManifest(): Manifest
}

/** `dist/server/next-server.js`: what was built, by its manifests. Which methods a handler answers is not in them. */
export function instrumentNextServer(agent: Agent, exports: object): void {
  const { prototype } = (exports as { readonly default: { readonly prototype: NextServer } })
    .default
  const declare = (name: keyof NextServer, routeOf: (page: string) => [string, string]) =>
    wrapMethod(
      prototype,
      name,
      getManifest =>
        function (this: NextServer) {
          const manifest = getManifest.call(this)
          try {
            for (const page of Object.keys(manifest ?? {})) {
              const [method, route] = routeOf(page)
              if (!isOwnPage(route)) declareRoute(method, route, 'next')
            }
          } catch (error) {
            agent.report('reading the routes of Next.js', error)
          }
          return manifest
        },
    )
  declare('getPagesManifest', page => [/^\/api(?:\/|$)/.test(page) ? 'ALL' : 'GET', page])
  declare('getAppPathsManifest', page => {
    const path = page.replace(/\/(?:page|route)$/, '')
    // Groups and slots are no part of the address: https://nextjs.org/docs/app/api-reference/file-conventions/route-groups
    const segments = path.split('/').filter(segment => !/^\(\w+\)$|^@/.test(segment))
    return [page.endsWith('/route') ? 'ALL' : 'GET', segments.join('/') || '/']
  })
}
