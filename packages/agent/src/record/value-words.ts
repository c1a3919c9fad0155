/** What follows in the words; a text and a number that look alike are told apart by it. */
const TEXT = 1
const INTEGER = 2
const DOUBLE = 3
const TRUE = 4
const FALSE = 5
const NULL = 6
const UNDEFINED = 7
const BIG_INTEGER = 8
const TIME = 9
const BYTES = 10
const LIST = 11
const OBJECT = 12
const END = 13

const DEEPEST = 16
/** Shorter texts are copied by hand: asking Node for it costs more. */
const SHORT_TEXT = 32

/**
 * Values as they come from databases, written as 32-bit words: equal words for equal values, within a bound. Numbers
 * of any kind, texts, dates, bytes, and lists and objects of these, in their order.
 */
export class ValueWords {
  readonly words: Int32Array
  count = 0
  /** Not all of what was to be written is there. */
  isCut = false
  readonly #bytes: Buffer
  readonly #double = new Float64Array(1)
  readonly #halves = new Int32Array(this.#double.buffer)

  constructor(capacity: number) {
    this.words = new Int32Array(capacity)
    this.#bytes = Buffer.from(this.words.buffer)
  }

  clear(): void {
    this.count = 0
    this.isCut = false
  }

  /** Throws for what cannot be told apart, such as functions and objects without end. */
  value(value: unknown, depth = 0): void {
    switch (typeof value) {
      case 'string':
        this.#word(TEXT)
        this.#text(value)
        return
      case 'number':
        this.#number(value)
        return
      case 'boolean':
        this.#word(value ? TRUE : FALSE)
        return
      case 'undefined':
        this.#word(UNDEFINED)
        return
      case 'bigint':
        this.#word(BIG_INTEGER)
        this.#text(value.toString(16))
        return
      case 'object':
        if (value === null) this.#word(NULL)
        else this.#object(value, depth)
        return
      default:
        throw new TypeError(`a ${typeof value} is no value`)
    }
  }

  #number(value: number): void {
    if (Object.is(value | 0, value)) {
      this.#word(INTEGER)
      this.#word(value)
    } else this.#wide(DOUBLE, value)
  }

  #wide(kind: number, value: number): void {
    this.#word(kind)
    this.#double[0] = value
    this.#word(this.#halves[0] as number)
    this.#word(this.#halves[1] as number)
  }

  #object(value: object, depth: number): void {
    if (this.isCut) return
    if (depth >= DEEPEST) throw new RangeError('a value is too deep')
    if (Array.isArray(value)) {
      this.#word(LIST)
      this.#word(value.length)
      for (let n = 0; n < value.length && !this.isCut; n++) this.value(value[n], depth + 1)
    } else if (value instanceof Date) this.#wide(TIME, value.getTime())
    else if (ArrayBuffer.isView(value)) this.#raw(value)
    else {
      const keys = Object.keys(value)
      if (keys.length === 0 && !isPlain(value)) throw new TypeError('a value hides what it is')
      this.#word(OBJECT)
      for (const key of keys) {
        if (this.isCut) return
        this.#text(key)
        this.value((value as Record<string, unknown>)[key], depth + 1)
      }
      this.#word(END)
    }
  }

  #word(word: number): void {
    if (this.count < this.words.length) this.words[this.count++] = word
    else this.isCut = true
  }

  /** Its length, and two characters a word. */
  #text(text: string): void {
    this.#word(text.length)
    const room = (this.words.length - this.count) * 2
    const kept = text.length <= room ? text : text.slice(0, room)
    if (kept !== text) this.isCut = true
    const needed = (kept.length + 1) >> 1
    if (kept.length < SHORT_TEXT) {
      for (let n = 0; n < kept.length; n += 2) {
        const second = n + 1 < kept.length ? kept.charCodeAt(n + 1) : 0
        this.words[this.count++] = kept.charCodeAt(n) | (second << 16)
      }
      return
    }
    if (needed > 0) this.words[this.count + needed - 1] = 0
    this.#bytes.write(kept, this.count * 4, 'utf16le')
    this.count += needed
  }

  #raw(view: ArrayBufferView): void {
    this.#word(BYTES)
    this.#word(view.byteLength)
    const length = Math.min(view.byteLength, (this.words.length - this.count) * 4)
    if (length < view.byteLength) this.isCut = true
    const needed = (length + 3) >> 2
    if (needed > 0) this.words[this.count + needed - 1] = 0
    this.#bytes.set(new Uint8Array(view.buffer, view.byteOffset, length), this.count * 4)
    this.count += needed
  }
}

/** Others may keep what they are where nobody can look: a `Map`, a `URL`, whatever a parser of the application makes. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
