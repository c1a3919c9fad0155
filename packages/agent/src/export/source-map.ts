/** Source maps (https://tc39.es/ecma426/), read for one position at a time: a decoded map takes many times its size. */

export interface SourceMap {
  readonly sourceRoot?: string | null
  readonly sources?: readonly (string | null)[]
  readonly mappings?: string
  /** Instead, of what was put together from several. */
  readonly sections?: readonly {
    readonly offset: { readonly line: number; readonly column: number }
    readonly map: SourceMap
  }[]
}

export interface Original {
  /** As the map has it: mostly relative to the map. */
  readonly source: string
  readonly line: number
}

/** Where what stands at a line and a column, both from 1, was written; of an unknown column, 0, the first of its line. */
export function findOriginal(map: SourceMap, line: number, column: number): Original | undefined {
  if (map.sections === undefined) return findMapped(map, line - 1, Math.max(0, column - 1))
  const section = map.sections.findLast(
    ({ offset }) =>
      offset.line < line - 1 || (offset.line === line - 1 && offset.column < Math.max(1, column)),
  )
  if (section === undefined) return undefined
  const { offset } = section
  const columnWithin = offset.line === line - 1 ? column - offset.column : column
  return findOriginal(section.map, line - offset.line, columnWithin)
}

function findMapped(
  { sources = [], sourceRoot, mappings = '' }: SourceMap,
  line: number,
  column: number,
): Original | undefined {
  const reader = new MappingReader(mappings)
  let generatedLine = 0
  let generatedColumn = 0
  let source = 0
  let sourceLine = 0
  let found: Original | undefined
  const root = sourceRoot ? `${sourceRoot.replace(/\/$/, '')}/` : ''
  while (!reader.isAtEnd) {
    if (reader.skips(SEMICOLON)) {
      if (generatedLine === line) return found
      generatedLine++
      generatedColumn = 0
    } else if (!reader.skips(COMMA)) {
      generatedColumn += reader.number()
      if (generatedLine === line && generatedColumn > column && found !== undefined) return found
      if (!reader.isAtSegmentEnd) {
        source += reader.number()
        sourceLine += reader.number()
        reader.number()
        if (!reader.isAtSegmentEnd) reader.number()
        const name = sources[source]
        if (generatedLine === line && typeof name === 'string') {
          found = { source: root + name, line: sourceLine + 1 }
        }
      }
    }
  }
  return generatedLine === line ? found : undefined
}

const SEMICOLON = 59
const COMMA = 44
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const VALUES = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, DIGITS.indexOf(String.fromCharCode(code))),
)

/** Numbers of variable length in base 64, the sign in the lowest bit. */
class MappingReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length
  }

  get isAtSegmentEnd(): boolean {
    const code = this.#text.charCodeAt(this.#at)
    return this.isAtEnd || code === COMMA || code === SEMICOLON
  }

  skips(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false
    this.#at++
    return true
  }

  number(): number {
    let value = 0
    let shift = 0
    let digit: number
    do {
      digit = VALUES[this.#text.charCodeAt(this.#at++)] ?? 0
      value |= (digit & 31) << shift
      shift += 5
    } while ((digit & 32) !== 0 && !this.isAtEnd)
    return (value & 1) === 1 ? -(value >>> 1) : value >>> 1
  }
}
