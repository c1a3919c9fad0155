import Module from 'node:module'
import type { Agent } from '../agent.ts'
import { wrapMethod } from '../instrument/wrap-method.ts'
import type { TracerProvider } from './api-shapes.ts'
import { bridgedContextManager, knowRootContext } from './bridged-context.ts'
import { bridgedPropagator } from './bridged-propagator.ts'
import { BridgedTracerProvider, type Succession } from './bridged-tracer.ts'

/** Where all copies of `@opentelemetry/api` 1.x look for what is registered. */
const GLOBAL = Symbol.for('opentelemetry.js.api.1')

/** As CommonJS, up to 1.9 and from 1.10 on. */
export const API_FILES = ['build/src/index.js', 'dist/index.cjs']
/** From 1.10 on ES modules have a copy of their own: half of it, which takes half the time to load. */
export const API_ES_FILES = ['context/context', 'context-api', 'propagation-api', 'trace-api'].map(
  file => `dist/${file}.mjs`,
)
const API_FILE =
  /[\\/]@opentelemetry[\\/]api[\\/](?:build[\\/]src[\\/]index\.js|dist[\\/]index\.cjs)$/

interface ModuleWithCache {
  readonly _cache: Readonly<
    Record<string, { readonly loaded: boolean; readonly exports: unknown } | undefined>
  >
}

interface Registered {
  version: string
  trace?: unknown
  context?: unknown
  propagation?: unknown
}

type Register = (registered: object, ...rest: unknown[]) => boolean

interface Api {
  readonly trace: { setGlobalTracerProvider: Register }
  readonly context: { setGlobalContextManager: Register }
  readonly propagation: { setGlobalPropagator: Register }
  readonly metrics?: { setGlobalMeterProvider: Register }
  readonly diag?: { setLogger: Register }
  readonly ROOT_CONTEXT?: object
}

const HOW_TO_CHOOSE =
  'the application sets up the OpenTelemetry SDK, which would measure the same work twice, so this agent stands back. ' +
  'To be measured by the agent, leave the SDK out (spans made with @opentelemetry/api join its traces without it) or ' +
  'set PERFLOOP_OPENTELEMETRY_SDK=replace. To keep the SDK, leave the agent out'

/**
 * Makes the agent what `@opentelemetry/api` 1.x talks to, so that spans made by hand and by OpenTelemetry
 * instrumentations join the agent's traces. When the application sets up an SDK of its own, the agent stands back and
 * says so, or, told to replace it, lets the SDK set up nothing.
 */
export class OpenTelemetryBridge {
  readonly #agent: Agent
  readonly #replacesSdk: boolean
  readonly #succession: Succession = { successor: undefined }
  readonly #provider: TracerProvider
  /** What an SDK has registered before it registered its tracer provider. */
  readonly #waiting: (() => void)[] = []
  readonly #joined = new WeakSet<object>()
  readonly #parts: Partial<Api> = {}
  /** The newest version of the API that was loaded: a copy reads nothing that an older one has registered. */
  #newest = ''

  constructor(agent: Agent, options: { readonly replacesSdk: boolean }) {
    this.#agent = agent
    this.#replacesSdk = options.replacesSdk
    this.#provider = new BridgedTracerProvider(agent, this.#succession)
  }

  /** Whether an SDK was set up before the agent was loaded, or by a copy of the API that it has not seen being loaded. */
  standBackWhereRegistered(): void {
    const registered = registry()?.trace
    if (registered === undefined || this.#succession.successor !== undefined) return
    if (!this.#isOurs(registered)) this.#standBack(registered as TracerProvider)
  }

  /** To be called with each copy of the API that is loaded. */
  readonly join = (api: object): void => {
    const copy = api as Api
    if (this.#succession.successor !== undefined || this.#joined.has(api)) return
    this.#joined.add(api)
    this.standBackWhereRegistered()
    if (this.#succession.successor !== undefined) return
    if (copy.ROOT_CONTEXT !== undefined) knowRootContext(copy.ROOT_CONTEXT as never)
    const version = versionOf(copy)
    // What stands there is the agent's, by another copy: tracers that this one has handed out are to follow as well.
    const before = registry()
    delete before?.trace
    delete before?.context
    delete before?.propagation
    asVersion(version, copy.trace.setGlobalTracerProvider).call(copy.trace, this.#provider)
    asVersion(version, copy.context.setGlobalContextManager).call(
      copy.context,
      bridgedContextManager,
    )
    asVersion(version, copy.propagation.setGlobalPropagator).call(
      copy.propagation,
      bridgedPropagator,
    )
    if (isNewer(version, this.#newest)) this.#newest = version
    openRegistry().version = this.#newest
    this.#watch(copy, version)
  }

  /** To be called with what each of `API_ES_FILES` exports, in their order. */
  readonly joinPart = (part: Partial<Api>): void => {
    Object.assign(this.#parts, part)
    if (part.trace !== undefined) this.join(this.#parts)
  }

  /** Copies that were loaded before the agent was. */
  joinLoaded(): void {
    const { _cache: loaded } = Module as unknown as ModuleWithCache
    for (const [file, module] of Object.entries(loaded)) {
      if (API_FILE.test(file) && module?.loaded === true) this.join(module.exports as object)
    }
  }

  #watch(copy: Api, version: string): void {
    const owned = (api: object) => Object.getPrototypeOf(api)
    wrapMethod(owned(copy.trace) as Api['trace'], 'setGlobalTracerProvider', register =>
      this.#whenSdk(version, register, true),
    )
    wrapMethod(owned(copy.context) as Api['context'], 'setGlobalContextManager', register =>
      this.#whenSdk(version, register, false),
    )
    wrapMethod(owned(copy.propagation) as Api['propagation'], 'setGlobalPropagator', register =>
      this.#whenSdk(version, register, false),
    )
    if (copy.metrics !== undefined) {
      wrapMethod(
        owned(copy.metrics) as NonNullable<Api['metrics']>,
        'setGlobalMeterProvider',
        register => asVersion(version, register),
      )
    }
    // The methods of `diag` are its instance's own.
    if (copy.diag !== undefined)
      wrapMethod(copy.diag, 'setLogger', register => asVersion(version, register))
  }

  #whenSdk(version: string, register: Register, isProvider: boolean): Register {
    const bridge = this
    const registerAs = asVersion(version, register)
    return function (this: unknown, registered, ...rest) {
      if (bridge.#succession.successor !== undefined) {
        return registerAs.call(this, registered, ...rest)
      }
      if (bridge.#replacesSdk) return true
      if (!isProvider) {
        // Some register these alone, for their own contexts: the agent's do the same.
        bridge.#waiting.push(() => registerAs.call(this, registered, ...rest))
        return true
      }
      bridge.#standBack(registered as TracerProvider)
      return registerAs.call(this, registered, ...rest)
    }
  }

  #isOurs(trace: unknown): boolean {
    const { getDelegate } = trace as { getDelegate?: () => unknown }
    return trace === this.#provider || getDelegate?.call(trace) === this.#provider
  }

  #standBack(successor: TracerProvider): void {
    this.#succession.successor = successor
    this.#agent.recorder.isStopped = true
    const registered = registry()
    if (registered !== undefined) {
      if (registered.context === bridgedContextManager) delete registered.context
      if (registered.propagation === bridgedPropagator) delete registered.propagation
      if (registered.trace !== undefined && this.#isOurs(registered.trace)) delete registered.trace
    }
    for (const register of this.#waiting) register()
    this.#agent.tell(HOW_TO_CHOOSE)
  }
}

function registry(): Registered | undefined {
  return (globalThis as { [GLOBAL]?: Registered })[GLOBAL]
}

/** The same, made where there is none; its version can be set, which copies from 1.10 on prevent in those they make. */
function openRegistry(): Registered {
  const found = registry()
  if (found !== undefined && Object.getOwnPropertyDescriptor(found, 'version')?.writable)
    return found
  const made = { version: '', ...found }
  const shared = globalThis as { [GLOBAL]?: Registered }
  shared[GLOBAL] = made
  return made
}

/** A copy registers only beside what has exactly its own version. */
function asVersion(version: string, register: Register): Register {
  return function (this: unknown, ...args) {
    const registered = openRegistry()
    const newest = registered.version
    registered.version = version
    try {
      return register.apply(this, args)
    } finally {
      registered.version = newest
    }
  }
}

/** A copy tells its version by registering something where there is nothing yet. */
function versionOf(api: Api): string {
  const shared = globalThis as { [GLOBAL]?: Registered | undefined }
  const registered = shared[GLOBAL]
  shared[GLOBAL] = undefined
  try {
    api.context.setGlobalContextManager(bridgedContextManager)
    return (shared[GLOBAL] as Registered | undefined)?.version ?? ''
  } finally {
    if (registered === undefined) delete shared[GLOBAL]
    else shared[GLOBAL] = registered
  }
}

function isNewer(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) > 0
}
