/** A power of two. */
const PLACES = 1_024
const MOST_BYTES = 1024 * 1024

interface Place {
  hash: number
  numbers: Float64Array
  bytes: Uint8Array | undefined
}

/**
 * Bytes that were made from a few numbers, to be used again when the same numbers come again. Each hash of numbers has one
 * place, and a place is filled when its hash comes twice in a row: what comes only once is not kept. Bounded.
 */
export class MadeBefore {
  readonly #places: (Place | undefined)[] = new Array<Place | undefined>(PLACES).fill(undefined)
  #keptBytes = 0
  #asked: Place | undefined
  #isAgain = false

  /** What was made of the first `count` of the numbers, if it was kept. */
  find(numbers: Float64Array, count: number): Uint8Array | undefined {
    let hash = count
    for (let i = 0; i < count; i++) {
      // What is no number counts as 0.
      hash = Math.imul(hash ^ ((numbers[i] as number) | 0), 0x5bd1e995)
      hash ^= hash >>> 15
    }
    const at = hash & (PLACES - 1)
    let place = this.#places[at]
    if (place === undefined) {
      place = { hash, numbers: NONE, bytes: undefined }
      this.#places[at] = place
      this.#isAgain = false
    } else if (place.hash !== hash) {
      this.#empty(place)
      place.hash = hash
      this.#isAgain = false
    } else {
      if (place.bytes !== undefined && areSame(place.numbers, numbers, count)) return place.bytes
      this.#isAgain = true
    }
    this.#asked = place
    return undefined
  }

  /** Whether what is made of the numbers that `find` did not find is to be kept. */
  get isWanted(): boolean {
    return this.#isAgain
  }

  /** What was made of them. */
  keep(numbers: Float64Array, count: number, bytes: Uint8Array): void {
    const place = this.#asked
    if (place === undefined) return
    this.#empty(place)
    if (this.#keptBytes + bytes.length > MOST_BYTES) {
      this.forget()
      return
    }
    place.numbers = numbers.slice(0, count)
    place.bytes = bytes
    this.#keptBytes += bytes.length
  }

  forget(): void {
    this.#places.fill(undefined)
    this.#asked = undefined
    this.#keptBytes = 0
  }

  #empty(place: Place): void {
    this.#keptBytes -= place.bytes?.length ?? 0
    place.bytes = undefined
  }
}

const NONE = new Float64Array(0)

function areSame(some: Float64Array, others: Float64Array, count: number): boolean {
  if (some.length !== count) return false
  for (let i = 0; i < count; i++) {
    const one = some[i] as number
    const other = others[i] as number
    if (one !== other && !(Number.isNaN(one) && Number.isNaN(other))) return false
  }
  return true
}
