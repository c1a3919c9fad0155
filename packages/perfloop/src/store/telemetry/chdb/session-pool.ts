/** Hands out the numbers of free sessions, first come, first served. */
export class SessionPool {
  readonly #free: number[]
  readonly #size: number
  readonly #queue: {
    readonly wants: number
    readonly give: (sessions: readonly number[]) => void
  }[] = []

  constructor(sessions: readonly number[]) {
    this.#free = [...sessions]
    this.#size = sessions.length
  }

  /** Whether nobody uses or wants a session. */
  get isIdle(): boolean {
    return this.#free.length === this.#size && this.#queue.length === 0
  }

  /** Runs `work` on one free session. */
  use<T>(work: (session: number) => Promise<T>): Promise<T> {
    return this.#with(1, sessions => work(first(sessions)))
  }

  /** Runs `work` while no other session of the pool is in use. */
  useAlone<T>(work: (session: number) => Promise<T>): Promise<T> {
    return this.#with(this.#size, sessions => work(first(sessions)))
  }

  async #with<T>(wants: number, work: (sessions: readonly number[]) => Promise<T>): Promise<T> {
    const sessions = await new Promise<readonly number[]>(give => {
      this.#queue.push({ wants, give })
      this.#serve()
    })
    try {
      return await work(sessions)
    } finally {
      this.#free.push(...sessions)
      this.#serve()
    }
  }

  #serve(): void {
    for (;;) {
      const next = this.#queue[0]
      if (next === undefined || next.wants > this.#free.length) return
      this.#queue.shift()
      next.give(this.#free.splice(0, next.wants))
    }
  }
}

function first(sessions: readonly number[]): number {
  const session = sessions[0]
  if (session === undefined) throw new Error('A pool needs a session')
  return session
}
