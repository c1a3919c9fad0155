import type { Query } from '../store/telemetry/query.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'

export interface AnswerAges {
  /** Younger answers are given again as they are. */
  readonly answerFreshMs: number
  /** Younger ones are given too, but the question is asked anew behind them. 0 shares nothing but running questions. */
  readonly answerStaleMs: number
}

interface Shared {
  readonly rows: readonly unknown[]
  readonly askedMs: number
}

/** Kept at most: the latest questions, with answers that are small. */
const MOST_ANSWERS = 64
const MOST_ROWS = 1_000

/**
 * The store as many readers see it: one question that several ask at nearly the same time is asked once, and while it
 * is asked again and again (a dashboard on every desk, a program that polls) nobody waits for it but the first. The
 * work of reading then depends on how many different questions there are, not on how many readers.
 */
export function shareAnswers(
  store: TelemetryStore,
  ages: AnswerAges,
  nowMs: () => number,
): TelemetryStore {
  const answers = new Map<string, Shared>()
  const running = new Map<string, Promise<readonly unknown[]>>()

  const ask = (key: string, query: Query, params: object): Promise<readonly unknown[]> => {
    const already = running.get(key)
    if (already !== undefined) return already
    const askedMs = nowMs()
    const asking = store
      .run(query, params)
      .then(rows => {
        answers.delete(key)
        if (ages.answerStaleMs > 0 && rows.length <= MOST_ROWS) answers.set(key, { rows, askedMs })
        const [oldest] = answers.keys()
        if (answers.size > MOST_ANSWERS && oldest !== undefined) answers.delete(oldest)
        return rows
      })
      .finally(() => running.delete(key))
    running.set(key, asking)
    return asking
  }

  return {
    async run(query, params) {
      const key = `${query.name} ${JSON.stringify(params, bigintAsText)}`
      const shared = answers.get(key)
      const ageMs = shared === undefined ? Number.POSITIVE_INFINITY : nowMs() - shared.askedMs
      // Rows were parsed as this query's when they came: the key names the query.
      type Rows = Awaited<ReturnType<typeof store.run<typeof query>>>
      if (shared === undefined || ageMs >= ages.answerStaleMs) {
        return (await ask(key, query, params as object)) as Rows
      }
      // Whoever asks next gets the new one, or the failure.
      if (ageMs >= ages.answerFreshMs) ask(key, query, params as object).catch(() => undefined)
      return shared.rows as Rows
    },
  }
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}
