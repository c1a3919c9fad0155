import { setTimeout as wait } from 'node:timers/promises'
import type { ControlNews, ProfileRequest, TakenProfile } from '../control/control-message.ts'
import { clearTimeout, clockMs, setInterval, setTimeout } from '../own-clock.ts'
import { ContinuousProfile } from './continuous-profile.ts'
import type { MainThread } from './main-thread.ts'
import { Profiles } from './profiles.ts'
import type { Pulse } from './pulse.ts'

const MOST_REMEMBERED = 100
/** Beyond, requests are passed over: whoever asks for so many wants no profile. */
const MOST_WAITING = 4
/** To begin one of the CPU stops the application for a moment: they must not follow each other without end. */
const REST_MS = 10_000
const SHORTEST_PART_MS = 1_000
/** So long after the server was last heard of, nobody wants a profile any more. */
const PATIENCE_MS = 5 * 60_000

/**
 * In the exporting thread: takes the profiles that the server asks for, one after the other and each once, and, as long as
 * there is a server, one without end that is sent in parts.
 */
export class ProfileDuty {
  readonly #profiles: Profiles
  readonly #continuous: ContinuousProfile | undefined
  readonly #send: (profile: TakenProfile) => void
  readonly #asked = new Set<string>()
  #last: Promise<void> = Promise.resolve()
  #waiting = 0
  #restUntilMs = 0
  #patience: NodeJS.Timeout | undefined

  /** A part of the profile without end is sent after each `partMs`; 0 for none. */
  constructor(
    mainThread: MainThread,
    pulse: Pulse,
    partMs: number,
    send: (profile: TakenProfile) => void,
  ) {
    this.#profiles = new Profiles(mainThread)
    this.#send = send
    this.#continuous = partMs > 0 ? new ContinuousProfile(mainThread, pulse) : undefined
    if (partMs > 0) {
      setInterval(() => void this.#sendPart(), Math.max(partMs, SHORTEST_PART_MS)).unref()
    }
  }

  hear(news: ControlNews): void {
    this.#continuous?.start()
    clearTimeout(this.#patience)
    this.#patience = setTimeout(() => this.#continuous?.stop(), PATIENCE_MS).unref()
    if (news.type !== 'settings') return
    for (const request of news.settings.profiles) {
      if (this.#asked.has(request.id)) continue
      if (this.#asked.size >= MOST_REMEMBERED) this.#asked.clear()
      if (this.#waiting >= MOST_WAITING) continue
      this.#asked.add(request.id)
      this.#waiting++
      this.#last = this.#last.then(() => this.#take(request))
    }
  }

  async #take({ id, kind, durationMs }: ProfileRequest): Promise<void> {
    let pprof: Buffer | undefined
    let failure: string | undefined
    if (kind === 'cpu') await wait(Math.max(0, this.#restUntilMs - clockMs()))
    try {
      pprof = await (kind === 'cpu'
        ? this.#profiles.takeCpuProfile(durationMs)
        : this.#profiles.takeHeapProfile(durationMs))
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error)
    }
    this.#waiting--
    if (kind === 'cpu') this.#restUntilMs = clockMs() + REST_MS
    this.#send({ request: id, kind, durationMs, pprof, failure })
  }

  async #sendPart(): Promise<void> {
    try {
      const part = await this.#continuous?.take()
      if (part === undefined) return
      const { profile: pprof, durationMs } = part
      this.#send({ request: undefined, kind: 'cpu', durationMs, pprof, failure: undefined })
    } catch {
      // The next part is as good.
    }
  }
}
