import type { Agent } from '../agent.ts'
import { declarations, declarationsVersion, onDeclarationsChange } from '../declare/declarations.ts'
import { clearTimeout, setInterval, setTimeout } from '../own-clock.ts'
import type { ControlMessage, ControlNews, Framework, ServerSettings } from './control-message.ts'
import type { Knobs } from './knobs.ts'

/** How often it is looked for what nobody tells: another value of a knob, another thread. A process at rest stays so. */
const LOOK_MS = 10_000
/** What is declared together is told together. */
const SETTLE_MS = 500

export interface ControlOptions {
  readonly agent: Agent
  readonly knobs: Knobs
  /** Sends to the exporting thread, which is started where it is not running. */
  post(message: ControlMessage): void
  /** Number of threads started so far: a new one knows nothing. */
  threads(): number
  /** Undefined: what the host has set. */
  apply(settings: ServerSettings | undefined): void
  frameworks(): readonly Framework[]
}

/**
 * The application's side of what the server may tell: applies it, tells back what changed, and puts everything back to
 * what the host has set when nothing was heard for as long as the lease.
 */
export class Control {
  readonly #options: ControlOptions
  #lease: NodeJS.Timeout | undefined
  #leaseMs = 0
  #threads = 0
  #declarations = 0
  #frameworks: readonly Framework[] = []
  #soon: NodeJS.Timeout | undefined
  #report = ''

  constructor(options: ControlOptions) {
    this.#options = options
  }

  start(): void {
    onDeclarationsChange(this.#lookSoon)
    this.#lookSoon()
    setInterval(() => this.#look(), LOOK_MS).unref()
  }

  hear(news: ControlNews): void {
    try {
      if (news.type === 'settings') this.#apply(news.settings)
      this.#renew()
    } catch (error) {
      this.#options.agent.report('doing what the server tells', error)
    }
  }

  readonly #lookSoon = (): void => {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined
      this.#look()
    }, SETTLE_MS).unref()
  }

  #look(): void {
    try {
      const { post, threads, knobs } = this.#options
      const isNewThread = threads() !== this.#threads || this.#threads === 0
      const version = declarationsVersion()
      if (version !== this.#declarations) this.#frameworks = this.#options.frameworks()
      const report = { knobs: knobs.reports(), frameworks: this.#frameworks }
      const text = JSON.stringify(report)
      if (isNewThread || text !== this.#report) post({ type: 'report', ...report })
      if (version > 0 && (isNewThread || version !== this.#declarations)) {
        post({ type: 'declarations', declarations: declarations() })
      }
      this.#report = text
      this.#declarations = version
      this.#threads = threads()
    } catch (error) {
      this.#options.agent.report('reporting to the server', error)
    }
  }

  #apply(settings: ServerSettings): void {
    const { knobs, apply } = this.#options
    this.#leaseMs = settings.leaseMs
    apply(settings)
    knobs.turn(settings.knobs)
    this.#look()
  }

  #renew(): void {
    clearTimeout(this.#lease)
    if (this.#leaseMs === 0) return
    this.#lease = setTimeout(() => this.#putBack(), this.#leaseMs)
    this.#lease.unref()
  }

  #putBack(): void {
    try {
      this.#options.apply(undefined)
      this.#options.knobs.turn([])
    } catch (error) {
      this.#options.agent.report('putting back what the server had told', error)
    }
  }
}
