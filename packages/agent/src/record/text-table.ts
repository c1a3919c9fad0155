/** A longer text is cut: the server would. */
export const LONGEST_TEXT = 8_192

/**
 * Numbers for texts that repeat: names, statements, routes. Full, it begins anew: the exporting thread is told by
 * numbers that begin at zero again.
 */
export class TextTable {
  readonly #numbers = new Map<string, number>()
  readonly #maxTexts: number
  readonly #maxCharacters: number
  #characters = 0
  #unsent: string[] = []
  /** Of those that the exporting thread was not told yet. */
  unsentCharacters = 0
  #firstUnsent = 0
  #generation = {}

  constructor(maxTexts: number, maxCharacters: number) {
    this.#maxTexts = maxTexts
    this.#maxCharacters = maxCharacters
  }

  numberOf(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    const number = this.#numbers.size
    this.#numbers.set(text, number)
    this.#characters += text.length
    this.unsentCharacters += text.length
    this.#unsent.push(text)
    return number
  }

  /** The same without looking for it, but for the first time. */
  numberOfRepeated(text: RepeatedText): number {
    if (text.generation !== this.#generation) {
      text.number = this.numberOf(cut(text.text, LONGEST_TEXT))
      text.generation = this.#generation
    }
    return text.number
  }

  /** Between batches only, since the numbers in a batch must mean one thing. */
  isFull(): boolean {
    return this.#numbers.size >= this.#maxTexts || this.#characters >= this.#maxCharacters
  }

  takeNew(): { readonly texts: readonly string[]; readonly first: number } {
    const taken = { texts: this.#unsent, first: this.#firstUnsent }
    this.#firstUnsent += this.#unsent.length
    this.#unsent = []
    this.unsentCharacters = 0
    return taken
  }

  clear(): void {
    this.#numbers.clear()
    this.#characters = 0
    this.#unsent = []
    this.unsentCharacters = 0
    this.#firstUnsent = 0
    this.#generation = {}
  }
}

/** A text that whoever tells it again and again holds on to. */
export class RepeatedText {
  readonly text: string
  /** Its number, and what it is a number of. */
  number = 0
  generation: object | undefined = undefined

  constructor(text: string) {
    this.text = text
  }
}

/** By way of bytes: a slice of a text keeps all of it in memory. */
export function cut(text: string, limit: number): string {
  return text.length > limit ? Buffer.from(text.slice(0, limit)).toString() : text
}
