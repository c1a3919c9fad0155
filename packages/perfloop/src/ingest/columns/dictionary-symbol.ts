import { prefixedText } from './native-writer.ts'

/**
 * A string that many rows refer to. It knows its place in the dictionary of the block being filled,
 * so that giving it to a row costs a comparison and a store.
 */
export class DictionarySymbol {
  readonly text: string
  /** As the Native format writes it. */
  readonly prefixed: Uint8Array
  /** The block whose dictionary holds it, and where. */
  block = -1
  index = 0

  constructor(text: string) {
    this.text = text
    this.prefixed = prefixedText(text)
  }
}

/** One symbol a text, up to a bound; beyond it, symbols are made anew each time (correct, only slower). */
export class SymbolTable {
  private readonly symbols = new Map<string, DictionarySymbol>()
  private readonly limit: number
  bytes = 0

  constructor(limit: number) {
    this.limit = limit
  }

  get(text: string): DictionarySymbol {
    const known = this.symbols.get(text)
    if (known !== undefined) return known
    const symbol = new DictionarySymbol(text)
    if (this.symbols.size < this.limit) {
      this.symbols.set(text, symbol)
      this.bytes += symbolBytes(symbol)
    }
    return symbol
  }

  get size(): number {
    return this.symbols.size
  }
}

/** Rough heap cost: the object, its buffer's header, the text in both forms and a map entry. */
export function symbolBytes(symbol: DictionarySymbol): number {
  return 220 + symbol.prefixed.length * 2
}
