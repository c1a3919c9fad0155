/** One event as it goes over the wire, with the number by which a browser can resume after it. */
export interface LoggedEvent {
  readonly number: number
  readonly frame: string
}

/**
 * The newest events of one topic, bounded. A browser that comes back with a number still in here gets what
 * it missed; older than that, it gets a new snapshot.
 */
export class EventLog {
  readonly #capacity: number
  readonly #events: LoggedEvent[] = []
  #forgottenUpTo = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  append(event: LoggedEvent): void {
    this.#events.push(event)
    if (this.#events.length > this.#capacity) {
      this.#forgottenUpTo = this.#events.shift()?.number ?? this.#forgottenUpTo
    }
  }

  /** What came after `number`, or undefined when some of it is forgotten. */
  after(number: number): readonly LoggedEvent[] | undefined {
    if (number < this.#forgottenUpTo) return undefined
    return this.#events.filter(event => event.number > number)
  }
}
