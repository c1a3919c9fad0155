/**
 * Lets one large piece of synchronous work run per pass of the event loop, so that decoding a burst of
 * requests never holds up the acknowledgements, reads and timers of the others for longer than one request.
 */
export class FairTurn {
  readonly #waiting: (() => void)[] = []
  #taken = false

  /** Resolves when it is the caller's turn; what it then does synchronously is its turn. */
  async take(): Promise<void> {
    if (this.#taken) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#passOn()
  }

  #passOn(): void {
    this.#taken = true
    setImmediate(() => {
      const next = this.#waiting.shift()
      if (next === undefined) {
        this.#taken = false
        return
      }
      next()
      this.#passOn()
    })
  }
}
