const CAPACITY = 65_536
const bytes = Buffer.alloc(2 * CAPACITY)
const characters = new Uint16Array(bytes.buffer, bytes.byteOffset, CAPACITY)

/**
 * `text.slice(start, end)` as a string of its own. V8's slice points into the string it was cut from:
 * a name of twelve letters would keep a statement of a megabyte in memory.
 */
export function detachedText(text: string, start: number, end: number): string {
  const length = Math.min(end - start, CAPACITY)
  for (let at = 0; at < length; at++) characters[at] = text.charCodeAt(start + at)
  return bytes.toString('utf16le', 0, length * 2)
}
