export type AttributeValue =
  | string
  | number
  | boolean
  | readonly (string | number | boolean | null | undefined)[]

export type Attributes = ReadonlyMap<string, AttributeValue>

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
const NO_ATTRIBUTES: Attributes = new Map()

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
  readonly attributes = new Map<string, AttributeValue>()
  readonly events: SpanEvent[] = []
  readonly links: SpanLink[] = []
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
    else this.events.push({ name: this.#cut(name), atMs, attributes: this.#all(attributes) })
  }

  addLink(words: Uint32Array, attributes: object | undefined): void {
    if (this.links.length >= MOST_LINKS) this.droppedLinks++
    else this.links.push({ words, attributes: this.#all(attributes) })
  }

  setStatus(status: number, message: unknown): void {
    this.status = status
    this.statusMessage = typeof message === 'string' ? this.#cut(message) : ''
  }

  #all(attributes: object | undefined): Attributes {
    if (attributes === undefined || attributes === null) return NO_ATTRIBUTES
    const kept = new Map<string, AttributeValue>()
    for (const [key, value] of Object.entries(attributes)) this.#put(kept, key, value)
    return kept
  }

  /** False when there is no room; what is no value of an attribute is not one that was dropped. */
  #put(into: Map<string, AttributeValue>, key: unknown, value: unknown): boolean {
    if (typeof key !== 'string' || key === '' || key.length > LONGEST_KEY) return true
    if (into.size >= MOST_ATTRIBUTES && !into.has(key)) return false
    const kept = this.#valueOf(value)
    if (kept === undefined) return true
    if (!this.#hasRoom(key.length)) return false
    this.characters += key.length
    into.set(key, kept)
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
