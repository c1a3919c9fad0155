import type { Agent } from '../agent.ts'
import { declareRoute } from '../declare/declarations.ts'
import { clockMs, setTimeout } from '../own-clock.ts'

export interface ExpressRoute {
  readonly path: unknown
  /** Lower-case names of methods; `_all` for every one. */
  readonly methods: Readonly<Record<string, unknown>>
}

interface ExpressLayer {
  readonly route?: ExpressRoute
  readonly handle?: unknown
}

export interface ExpressRouter {
  readonly stack: readonly ExpressLayer[]
}

export interface ExpressApp {
  readonly parent?: ExpressApp
  readonly mountpath?: unknown
  /** Express 4; there, reading `router` throws. */
  lazyrouter?(): unknown
  readonly _router?: ExpressRouter
  readonly router?: ExpressRouter
}

/** One place that a route is reached by. */
interface Place {
  readonly base: string
  /** What `baseUrl` is for it where the base has parameters. */
  readonly pattern: RegExp | undefined
  readonly route: string
}

/** A declared base, and the pattern of what is called for it. */
interface Base {
  readonly text: string
  /** Undefined while no part of it has parameters. */
  readonly source: string
  readonly isLiteral: boolean
}

const MOST_APPS = 1_000
const MOST_PLACES = 20
const DEEPEST = 20
/** Nobody lists so many by hand. */
const MOST_METHODS = 15
/** Routes that are declared while requests are answered make the table be read again, but not with each of them. */
const READ_AGAIN_MS = 1_000
const ROOT: Base = { text: '', source: '', isLiteral: true }

/**
 * The table of what Express applications have declared, read from their routers: the full path of each route, through
 * routers and applications mounted in each other. Read at once when the application has registered something, and not
 * when a request comes.
 */
export class ExpressTable {
  readonly #agent: Agent
  readonly #mountPaths = new WeakMap<object, unknown>()
  /** Applications that a router has, not an application: Express does not tell them their parent. */
  readonly #mounted = new WeakSet<object>()
  readonly #apps = new Set<WeakRef<ExpressApp>>()
  readonly #known = new WeakSet<object>()
  #places = new WeakMap<ExpressRoute, Place[]>()
  /** Mounts with parameters whose handler may call a router by hand. */
  #parameterMounts: Base[] = []
  #isStale = false
  #readMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(agent: Agent) {
    this.#agent = agent
  }

  /** False where it is known already. */
  noteApp(app: ExpressApp): boolean {
    if (this.#known.has(app)) return false
    this.#known.add(app)
    if (this.#apps.size < MOST_APPS) this.#apps.add(new WeakRef(app))
    return true
  }

  /** `args` are those of `router.use`: a path, which may be left out, and handlers. */
  noteMounted(layers: readonly ExpressLayer[], args: readonly unknown[]): void {
    const path = isHandler(args[0]) ? '' : args[0]
    for (const layer of layers) {
      this.#mountPaths.set(layer, path)
      if (isApp(layer.handle)) this.#mounted.add(layer.handle)
    }
    this.noteChange()
  }

  noteChange(): void {
    this.#isStale = true
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#read()
    }, 0)
    this.#timer.unref()
  }

  /** The declared path of a route that was reached through `baseUrl`. */
  routeOf(route: ExpressRoute, baseUrl: string): string {
    let places = this.#places.get(route)
    if (places === undefined && this.#isStale && clockMs() - this.#readMs > READ_AGAIN_MS) {
      this.#read()
      places = this.#places.get(route)
    }
    const last = places?.[places.length - 1]
    if (places !== undefined && last !== undefined) {
      if (last.base === baseUrl) return last.route
      for (const place of places) {
        if (place.pattern?.test(baseUrl) ?? place.base === baseUrl) return place.route
      }
      // Express takes `/API` for `/api` too. Whoever calls would make up routes.
      const called = baseUrl.toLowerCase()
      for (const { base, route } of places) if (base.toLowerCase() === called) return route
    }
    // Whoever calls a router by hand tells nobody where: the mount it was called from is known, though.
    const mount = this.#parameterMounts.find(({ source }) => patternOf(source).test(baseUrl))
    return join(mount?.text ?? baseUrl, pathText(route.path))
  }

  #read(): void {
    try {
      this.#isStale = false
      this.#readMs = clockMs()
      this.#places = new WeakMap()
      this.#parameterMounts = []
      for (const reference of this.#apps) {
        const app = reference.deref()
        if (app === undefined) this.#apps.delete(reference)
        else if (app.parent === undefined && !this.#mounted.has(app)) this.#readApp(app, ROOT, 0)
      }
    } catch (error) {
      this.#agent.report('reading the routes of Express', error)
    }
  }

  #readApp(app: ExpressApp, base: Base, depth: number): void {
    if (depth > DEEPEST) return
    const router = typeof app.lazyrouter === 'function' ? app._router : app.router
    if (router !== undefined) this.#readRouter(router, base, depth)
    for (const reference of this.#apps) {
      const child = reference.deref()
      if (child === undefined || child.parent !== app) continue
      for (const path of pathsOf(child.mountpath)) {
        this.#readApp(child, below(base, path), depth + 1)
      }
    }
  }

  #readRouter(router: ExpressRouter, base: Base, depth: number): void {
    if (depth > DEEPEST) return
    for (const layer of router.stack) {
      if (layer.route !== undefined) this.#addPlace(layer.route, base)
      else this.#readMount(layer, base, depth)
    }
  }

  #readMount(layer: ExpressLayer, base: Base, depth: number): void {
    for (const path of pathsOf(this.#mountPaths.get(layer))) {
      const inner = below(base, path)
      const { handle } = layer
      if (isApp(handle)) this.#readApp(handle, inner, depth + 1)
      else if (isRouter(handle)) this.#readRouter(handle, inner, depth + 1)
      else if (!inner.isLiteral) this.#parameterMounts.push(inner)
    }
  }

  #addPlace(route: ExpressRoute, base: Base): void {
    const places = this.#places.get(route) ?? []
    if (places.length >= MOST_PLACES) return
    const text = join(base.text, pathText(route.path))
    const pattern = base.isLiteral ? undefined : patternOf(base.source)
    places.push({ base: base.text, pattern, route: text })
    this.#places.set(route, places)
    for (const method of methodsOf(route)) declareRoute(method, text, 'express')
  }
}

/** `app.all` registers each method that Node knows. */
function methodsOf({ methods }: ExpressRoute): readonly string[] {
  const names = Object.keys(methods)
  return names.includes('_all') || names.length > MOST_METHODS ? ['ALL'] : names
}

function isHandler(value: unknown): boolean {
  if (!Array.isArray(value)) return typeof value === 'function'
  return value.length > 0 && isHandler(value[0])
}

function isApp(handle: unknown): handle is ExpressApp {
  if (typeof handle !== 'function') return false
  const { handle: inner, set } = handle as { handle?: unknown; set?: unknown }
  return typeof inner === 'function' && typeof set === 'function'
}

function isRouter(handle: unknown): handle is ExpressRouter {
  return typeof handle === 'function' && Array.isArray((handle as { stack?: unknown }).stack)
}

function pathsOf(path: unknown): unknown[] {
  return Array.isArray(path) ? path.flat(Number.POSITIVE_INFINITY) : [path]
}

function below(base: Base, path: unknown): Base {
  if (path === undefined || path === '' || path === '/') return base
  const text = pathText(path).replace(/\/+$/, '')
  const isLiteral = typeof path === 'string' && !/[:*(){}?+\\]/.test(path)
  const source = isLiteral ? text.replace(/[.[\]|^$]/g, '\\$&') : sourceOf(path, text)
  return {
    text: base.text + text,
    source: base.source + source,
    isLiteral: base.isLiteral && isLiteral,
  }
}

/** Wide rather than exact: it only tells the places of one route apart. */
function sourceOf(path: unknown, text: string): string {
  if (typeof path !== 'string') return '.*'
  const segments = text.split('/').slice(1)
  return segments
    .map(segment => {
      if (/[*(){}?+\\]/.test(segment)) return '(?:/.*)?'
      if (segment.includes(':')) return '/[^/]+'
      return `/${segment.replace(/[.[\]|^$]/g, '\\$&')}`
    })
    .join('')
}

const patterns = new Map<string, RegExp>()
const MOST_PATTERNS = 2_000

function patternOf(source: string): RegExp {
  const known = patterns.get(source)
  if (known !== undefined) return known
  const made = new RegExp(`^${source}/?$`, 'i')
  if (patterns.size < MOST_PATTERNS) patterns.set(source, made)
  return made
}

function join(base: string, path: string): string {
  return (path === '/' && base !== '' ? base : base + path) || '/'
}

/** A route's path may be a text, a pattern, or a list of these. */
function pathText(path: unknown): string {
  if (typeof path === 'string') return path
  try {
    return Array.isArray(path) ? path.map(pathText).join('|') : String(path)
  } catch {
    // Something that cannot be told as a text. The other routes can.
    return 'a path that cannot be read'
  }
}
