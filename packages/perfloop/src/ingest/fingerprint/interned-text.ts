const CAPACITY = 65_536
const bytes = Buffer.alloc(2 * CAPACITY)
const characters = new Uint16Array(bytes.buffer, bytes.byteOffset, CAPACITY)

/** Names kept at hand: a power of two, about one megabyte of short names at most. */
const SLOTS = 4_096
const LONGEST_KEPT = 64
const slots: string[] = new Array(SLOTS).fill('')

/**
 * `text.slice(start, end)` as a string of its own, the same object for the same name where it was asked for
 * lately. V8's slice would point into the string it was cut from, and keep a statement of a megabyte alive
 * for a name of twelve letters. `hash` is any hash of the text.
 */
export function internedText(text: string, start: number, end: number, hash: number): string {
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1)
  const known = slots[slot] ?? ''
  if (known.length === end - start && equals(text, start, known)) return known
  const length = Math.min(end - start, CAPACITY)
  for (let at = 0; at < length; at++) characters[at] = text.charCodeAt(start + at)
  const detached = bytes.toString('utf16le', 0, length * 2)
  if (length <= LONGEST_KEPT) slots[slot] = detached
  return detached
}

function equals(text: string, start: number, known: string): boolean {
  for (let at = 0; at < known.length; at++) {
    if (text.charCodeAt(start + at) !== known.charCodeAt(at)) return false
  }
  return true
}
