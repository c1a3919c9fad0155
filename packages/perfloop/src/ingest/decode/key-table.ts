import { type KeyMeaning, meaningOf, ROLES } from '../enrich/semantic-keys.ts'
import { textOf } from './any-value.ts'

/** An attribute key, known once. */
export interface AttributeKey {
  /** 0 for keys beyond the bound, which are not told apart. */
  readonly id: number
  readonly name: string
  readonly bytes: Uint8Array
  readonly meaning: KeyMeaning
  /** Place of its role in ROLES. */
  readonly role: number
  /** Its values must not be stored at all. */
  readonly isDropped: boolean
  /** How well its values are known: what varies with every span is not worth remembering. */
  hits: number
  misses: number
}

const MOST_KEYS = 8_192
const SLOTS = 16_384
const LONGEST_KEY_BYTES = 512

/** Attribute keys by their bytes. */
export class KeyTable {
  private readonly slots: (AttributeKey | undefined)[] = new Array<AttributeKey | undefined>(
    SLOTS,
  ).fill(undefined)
  private count = 0
  private textBytes = 0

  find(bytes: Uint8Array, start: number, end: number): AttributeKey {
    let hash = end - start
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
    let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1)
    for (;;) {
      const key = this.slots[slot]
      if (key === undefined) return this.add(slot, bytes, start, end)
      if (isSame(key.bytes, bytes, start, end)) return key
      slot = (slot + 1) & (SLOTS - 1)
    }
  }

  private add(slot: number, bytes: Uint8Array, start: number, end: number): AttributeKey {
    const isFull = this.count >= MOST_KEYS || end - start > LONGEST_KEY_BYTES
    const key = makeKey(
      isFull ? 0 : ++this.count,
      textOf(bytes, start, end),
      bytes.slice(start, end),
    )
    if (!isFull) {
      this.slots[slot] = key
      this.textBytes += end - start
    }
    return key
  }

  /** A key of ours that no sender can send, such as `@name`. */
  own(name: string): AttributeKey {
    return makeKey(++this.count, name, new Uint8Array(0))
  }

  get cacheBytes(): number {
    return SLOTS * 8 + this.count * 250 + this.textBytes * 2
  }
}

function makeKey(id: number, name: string, bytes: Uint8Array): AttributeKey {
  const meaning = meaningOf(name)
  return {
    id,
    name,
    bytes,
    meaning,
    role: ROLES.indexOf(meaning.role),
    isDropped: meaning.redaction === 'drop',
    hits: 0,
    misses: 0,
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false
  return true
}
