export type AttributeValue =
  | string
  | number
  | boolean
  | readonly (string | number | boolean | null | undefined)[]

/** Keys and values in turn: what is cheapest to hand to another thread. */
export type Attributes = readonly (string | AttributeValue)[]

export interface SpanEvent {
  readonly name: string
  /** Milliseconds of `performance.now()`. */
  readonly atMs: number
  readonly attributes: Attributes
}

export interface SpanLink {
  /** Trace in four words and span in two, big-endian. */
  readonly words: Uint32Array
  readonly attributes: Attributes
}

/** The limits of the OpenTelemetry specification: https://opentelemetry.io/docs/specs/otel/common/#attribute-limits */
const MOST_ATTRIBUTES = 128
const MOST_EVENTS = 128
const MOST_LINKS = 128
const LONGEST_KEY = 255
const LONGEST_VALUE = 8_192
/** Of all texts on one span, so that a batch is bounded too. */
const MOST_CHARACTERS = 64 * 1024
const NO_ATTRIBUTES: Attributes = []
const NO_EVENTS: readonly SpanEvent[] = []
const NO_LINKS: readonly SpanLink[] = []

/** Who made a span by hand. */
export interface Scope {
  readonly name: string
  readonly version: string
}

/**
 * What an application says of a span by hand, within bounds; beyond, it is left out and counted. Spans that have none
 * pay nothing for it.
 */
export class SpanDetails {
  readonly scope: Scope | undefined
  /** Instead of what the instrumentation would call it. */
  name: string | undefined = undefined
  /** Of OTLP's enum; undefined where the instrumentation decides. */
  status: number | undefined = undefined
  statusMessage = ''
  readonly attributes: (string | AttributeValue)[] = []
  events = NO_EVENTS
  links = NO_LINKS
  characters = 0
  droppedAttributes = 0
  droppedEvents = 0
  droppedLinks = 0

  constructor(scope: Scope | undefined) {
    this.scope = scope
  }

  set(key: unknown, value: unknown): void {
    if (!this.#put(this.attributes, key, value)) this.droppedAttributes++
  }

  addEvent(name: string, atMs: number, attributes: object | undefined): void {
    if (this.events.length >= MOST_EVENTS || !this.#hasRoom(name.length)) this.droppedEvents++
    else {
      const event = { name: this.#cut(name), atMs, attributes: this.#all(attributes) }
      this.events = [...this.events, event]
    }
  }

  addLink(words: Uint32Array, attributes: object | undefined): void {
    if (this.links.length >= MOST_LINKS) this.droppedLinks++
    else this.links = [...this.links, { words, attributes: this.#all(attributes) }]
  }

  setStatus(status: number, message: unknown): void {
    this.status = status
    this.statusMessage = typeof message === 'string' ? this.#cut(message) : ''
  }

  #all(attributes: object | undefined): Attributes {
    if (attributes === undefined || attributes === null) return NO_ATTRIBUTES
    const kept: (string | AttributeValue)[] = []
    for (const [key, value] of Object.entries(attributes)) this.#put(kept, key, value)
    return kept
  }

  /** False when there is no room; what is no value of an attribute is not one that was dropped. */
  #put(into: (string | AttributeValue)[], key: unknown, value: unknown): boolean {
    if (typeof key !== 'string' || key === '' || key.length > LONGEST_KEY) return true
    const known = indexOf(into, key)
    if (known < 0 && into.length >= MOST_ATTRIBUTES * 2) return false
    const kept = this.#valueOf(value)
    if (kept === undefined) return true
    if (known >= 0) {
      into[known + 1] = kept
      return true
    }
    if (!this.#hasRoom(key.length)) return false
    this.characters += key.length
    into.push(key, kept)
    return true
  }

  #valueOf(value: unknown): AttributeValue | undefined {
    if (typeof value === 'string') return this.#cut(value)
    if (isPlain(value)) return value
    if (!Array.isArray(value)) return undefined
    return value
      .slice(0, MOST_ATTRIBUTES)
      .filter(item => typeof item === 'string' || isPlain(item) || item === null)
      .map(item => (typeof item === 'string' ? this.#cut(item) : item))
  }

  #hasRoom(characters: number): boolean {
    return this.characters + characters <= MOST_CHARACTERS
  }

  #cut(text: string): string {
    const room = Math.max(0, Math.min(LONGEST_VALUE, MOST_CHARACTERS - this.characters))
    // By way of bytes: a slice of a text keeps all of it in memory.
    const kept = text.length > room ? Buffer.from(text.slice(0, room)).toString() : text
    this.characters += kept.length
    return kept
  }
}

function isPlain(value: unknown): value is number | boolean {
  return typeof value === 'number' || typeof value === 'boolean'
}

/** Where the key stands; -1 where it does not. */
export function indexOf(attributes: Attributes, key: string): number {
  for (let at = 0; at < attributes.length; at += 2) if (attributes[at] === key) return at
  return -1
}
