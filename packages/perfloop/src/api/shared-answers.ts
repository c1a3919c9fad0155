import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'

export interface AnswerAges {
  /** Younger answers are given again as they are. */
  readonly answerFreshMs: number
  /** Younger ones are given too, but the question is asked anew behind them. 0 shares nothing but running questions. */
  readonly answerStaleMs: number
}

interface Shared {
  readonly answer: unknown
  readonly askedMs: number
}

/** Kept at most: the latest questions, with answers that are small. */
const MOST_ANSWERS = 64
const MOST_ROWS = 1_000

/**
 * One question that several ask at nearly the same time is asked once, and while it is asked again and again (a
 * dashboard on every desk, a program that polls) nobody waits for it but the first. The work of reading then depends on
 * how many different questions there are, not on how many readers.
 */
export class SharedAnswers {
  readonly #ages: AnswerAges
  readonly #nowMs: () => number
  readonly #answers = new Map<string, Shared>()
  readonly #running = new Map<string, Promise<unknown>>()

  constructor(ages: AnswerAges, nowMs: () => number) {
    this.#ages = ages
    this.#nowMs = nowMs
  }

  /** `key` names the question and so the type of its answer. */
  async give<Answer>(key: string, ask: () => Promise<Answer>): Promise<Answer> {
    const shared = this.#answers.get(key)
    const ageMs = shared === undefined ? Number.POSITIVE_INFINITY : this.#nowMs() - shared.askedMs
    if (shared === undefined || ageMs >= this.#ages.answerStaleMs) {
      return (await this.#ask(key, ask)) as Answer
    }
    // Whoever asks next gets the new one, or the failure.
    if (ageMs >= this.#ages.answerFreshMs) this.#ask(key, ask).catch(() => undefined)
    return shared.answer as Answer
  }

  #ask(key: string, ask: () => Promise<unknown>): Promise<unknown> {
    const already = this.#running.get(key)
    if (already !== undefined) return already
    const askedMs = this.#nowMs()
    const asking = ask()
      .then(answer => {
        this.#keep(key, { answer, askedMs })
        return answer
      })
      .finally(() => this.#running.delete(key))
    this.#running.set(key, asking)
    return asking
  }

  #keep(key: string, shared: Shared): void {
    this.#answers.delete(key)
    const isSmall = !Array.isArray(shared.answer) || shared.answer.length <= MOST_ROWS
    if (this.#ages.answerStaleMs > 0 && isSmall) this.#answers.set(key, shared)
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > MOST_ANSWERS && oldest !== undefined) this.#answers.delete(oldest)
  }
}

/** The store as many readers see it. */
export function shareQueries(store: TelemetryStore, answers: SharedAnswers): TelemetryStore {
  return {
    run: (query, params) =>
      answers.give(`${query.name} ${JSON.stringify(params, bigintAsText)}`, () =>
        store.run(query, params),
      ),
  }
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}
