/** Thresholds are told with 16 of their 56 bits: four hexadecimal digits. */
const STEPS = 2 ** 16

/**
 * Which of the traces that begin in this process are recorded: those whose random part is not below a threshold that
 * follows from the probability. Whoever receives the spans weighs them by it, so that counts stay right. Consistent
 * probability sampling: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
 */
export class HeadSampling {
  #threshold = 0
  #traceState = ''
  #wanted = 1
  #shedding = 1

  /** What the settings ask for, 0 to 1. */
  set probability(probability: number) {
    this.#wanted = probability
    this.#apply()
  }

  get probability(): number {
    return this.#wanted
  }

  /** What is left of that where the agent has to cost less, 0 to 1. */
  set sheddingProbability(probability: number) {
    this.#shedding = probability
    this.#apply()
  }

  #apply(): void {
    const probability = Math.min(1, Math.max(0, this.#wanted * this.#shedding))
    this.#threshold = Math.round((1 - probability) * STEPS)
    const isAll = this.#threshold === 0
    const digits = this.#threshold.toString(16).padStart(4, '0').replace(/0+$/, '')
    this.#traceState = isAll || this.#threshold === STEPS ? '' : `ot=th:${digits}`
  }

  /** By the words of a trace's id: its last 56 bits are its randomness, the first 16 of these are looked at. */
  isKept(trace2: number): boolean {
    return ((trace2 >>> 8) & 0xffff) >= this.#threshold
  }

  /** What a trace that is kept says of its probability; empty where all are. */
  get traceState(): string {
    return this.#traceState
  }
}

export const headSampling = new HeadSampling()

/** The part of a `tracestate` that tells the probability, as a span says it; undefined where it tells none. */
export function probabilityMember(traceState: string): string | undefined {
  const found = /(?:^|,)\s*ot=(?:[^,]*;)?th:([0-9a-f]{1,14})(?=[;,\s]|$)/.exec(traceState)
  return found === null ? undefined : `ot=th:${found[1]}`
}
