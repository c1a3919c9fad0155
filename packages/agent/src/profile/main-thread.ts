import type { Session } from 'node:inspector'
import type { Pulse } from './pulse.ts'

type Inspector = typeof import('node:inspector')

export type Post = (method: string, parameters?: object) => Promise<object>

/** What `answerNotes` has made ready there: it runs on top of whatever runs, also of what never ends. */
const TAKE_NOTE = `globalThis[Symbol.for('perfloop.agent.note')]()`

/**
 * The application's thread, seen from the exporting one through the inspector. V8 answers it in the middle of what runs,
 * so that a loop without end can be asked where it is. A session is open only as long as it is used: while one is, Node
 * would not end in silence.
 */
export class MainThread {
  readonly #pulse: Pulse
  #inspector: Promise<Inspector | undefined> | undefined
  #users = 0

  constructor(pulse: Pulse) {
    this.#pulse = pulse
  }

  /** The operation and the stack of what runs now; undefined where it cannot be asked. */
  async note(): Promise<{ readonly operation: string; readonly stack: string } | undefined> {
    const answer = await this.use(post =>
      post('Runtime.evaluate', { expression: TAKE_NOTE, silent: true, returnByValue: true }),
    )
    const { result } = (answer ?? {}) as { result?: { value?: unknown } }
    if (typeof result?.value !== 'string') return undefined
    const end = result.value.indexOf('\n')
    return { operation: result.value.slice(0, end), stack: result.value.slice(end + 1) }
  }

  /** Undefined where there is no inspector, or the process is ending. */
  async use<Result>(work: (post: Post) => Promise<Result>): Promise<Result | undefined> {
    this.#inspector ??= findInspector()
    const inspector = await this.#inspector
    if (inspector === undefined || this.#pulse.isEnding) return undefined
    const session = new inspector.Session()
    this.#users++
    this.#pulse.isInspected = true
    try {
      session.connectToMainThread()
      return await work(posting(session))
    } finally {
      session.disconnect()
      this.#users--
      if (this.#users === 0) this.#pulse.isInspected = false
    }
  }
}

/** A Node may have been built without it. Under `--permission` it ends the process where it is not allowed. */
async function findInspector(): Promise<Inspector | undefined> {
  const { permission } = process as { readonly permission?: { has(scope: string): boolean } }
  if (permission?.has('inspector') === false) return undefined
  return import('node:inspector').catch(() => undefined)
}

function posting(session: Session): Post {
  return (method, parameters) =>
    new Promise((resolve, reject) => {
      session.post(method, parameters, (error, answer) => {
        if (error === null) resolve(answer ?? {})
        else reject(new Error(`${method}: ${error.message}`))
      })
    })
}
