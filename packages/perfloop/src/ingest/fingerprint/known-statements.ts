import { StatementSkeleton } from './statement-skeleton.ts'

/** Rough heap cost of an entry beside its bytes. */
const ENTRY_BYTES = 320
const BYTES_PER_LITERAL = 9
const MOST_BYTES = 4 * 1024 * 1024
const QUOTE = 39
const PLUS = 43
const MINUS = 45
const SPACE = 32
const LONGEST_SIGN = 255

interface KnownStatement<Meaning> {
  readonly meaning: Meaning
  readonly system: string
  /** A statement with this skeleton, and where its literals stand. */
  readonly example: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** How far the sign of each literal stands before it: `= - 5` is one literal. */
  readonly signs: Uint8Array
}

/**
 * Statements recognized by what they are without their literals, so that one that differs from a known one
 * in nothing but these is not read by the lexer again.
 *
 * It is exact: an entry is made only when the lexer saw the very literals that the skeleton left out, and it
 * is used only when all other bytes are equal. The lexer stands in the same state before each of these literals
 * then, and reads each as one token whatever is in it, since the skeleton admits the plain spellings only.
 */
export class KnownStatements<Meaning> {
  readonly skeleton = new StatementSkeleton()
  private readonly entries = new Map<number, KnownStatement<Meaning>>()
  private isRead = false
  private found: KnownStatement<Meaning> | undefined = undefined
  bytes = 0

  find(source: Uint8Array, start: number, end: number, system: string): Meaning | undefined {
    this.found = undefined
    this.isRead = this.skeleton.read(source, start, end, Math.imul(system.length, 0x9e3779b1))
    const entry = this.isRead ? this.entries.get(this.skeleton.hash) : undefined
    if (entry === undefined || entry.system !== system || !isSame(entry, this.skeleton)) {
      return undefined
    }
    this.found = entry
    return entry.meaning
  }

  /** Gives each literal of the statement that `find` found, with its sign. */
  eachLiteral(give: (source: Uint8Array, start: number, end: number) => void): void {
    const { skeleton, found } = this
    for (let i = 0; i < skeleton.literalCount; i++) {
      const sign = found?.signs[i] ?? 0
      give(
        skeleton.source,
        (skeleton.literalStarts[i] as number) - sign,
        skeleton.literalEnds[i] as number,
      )
    }
  }

  /**
   * Remembers what the statement that `find` did not find means. `literalPlaces`: where the lexer found its
   * literals, start and end in turn, in characters; `length` is that of the whole.
   */
  add(system: string, length: number, literalPlaces: Int32Array, meaning: Meaning): void {
    const { skeleton } = this
    // In ASCII a character is a byte, so that the places can be compared.
    if (!this.isRead || skeleton.end - skeleton.start !== length) return
    const count = skeleton.literalCount
    if (literalPlaces.length !== count * 2) return
    const starts = new Int32Array(count)
    const ends = new Int32Array(count)
    const signs = new Uint8Array(count)
    for (let i = 0; i < count; i++) {
      const start = (skeleton.literalStarts[i] as number) - skeleton.start
      const end = (skeleton.literalEnds[i] as number) - skeleton.start
      const sign = start - (literalPlaces[i * 2] as number)
      if (literalPlaces[i * 2 + 1] !== end || sign < 0 || sign > LONGEST_SIGN) return
      if (!isSign(skeleton.source, skeleton.start + start - sign, skeleton.start + start)) return
      starts[i] = start
      ends[i] = end
      signs[i] = sign
    }
    const size = ENTRY_BYTES + length + count * BYTES_PER_LITERAL
    if (this.bytes + size > MOST_BYTES) this.forget()
    // Another statement of the same hash makes room.
    const former = this.entries.get(skeleton.hash)
    if (former !== undefined) this.bytes -= sizeOf(former)
    // Copied by the constructor: `slice` of a Buffer is a view, which would keep the whole request alive.
    const example = new Uint8Array(skeleton.source.subarray(skeleton.start, skeleton.end))
    // Whatever is in its literals is nobody's business; of each, only what kind it is of is looked at.
    for (let i = 0; i < count; i++) example.fill(0, (starts[i] as number) + 1, ends[i] as number)
    this.entries.set(skeleton.hash, { meaning, system, example, starts, ends, signs })
    this.bytes += size
  }

  forget(): void {
    this.entries.clear()
    this.bytes = 0
  }
}

function sizeOf({ example, starts }: KnownStatement<unknown>): number {
  return ENTRY_BYTES + example.length + starts.length * BYTES_PER_LITERAL
}

/** Signs and what may stand between them: anything else before a literal is more than its sign. */
function isSign(source: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = source[at] as number
    if (byte !== PLUS && byte !== MINUS && byte > SPACE) return false
  }
  return true
}

/** Whether all bytes outside the literals are equal, and the literals of one kind. */
function isSame(entry: KnownStatement<unknown>, skeleton: StatementSkeleton): boolean {
  const { example, starts, ends } = entry
  const { source, literalStarts, literalEnds, literalCount } = skeleton
  if (starts.length !== literalCount) return false
  let at = skeleton.start
  let known = 0
  for (let i = 0; i <= literalCount; i++) {
    const isLast = i === literalCount
    const end = isLast ? skeleton.end : (literalStarts[i] as number)
    const knownEnd = isLast ? example.length : (starts[i] as number)
    if (end - at !== knownEnd - known) return false
    while (at < end) if (source[at++] !== example[known++]) return false
    if (isLast) return true
    if ((source[at] === QUOTE) !== (example[known] === QUOTE)) return false
    at = literalEnds[i] as number
    known = ends[i] as number
  }
  return true
}
