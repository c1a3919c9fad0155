import type { Baggage, BaggageEntry } from '../bridge/api-shapes.ts'

/** https://www.w3.org/TR/baggage/#limits */
const MOST_ENTRIES = 180
const LONGEST_HEADER = 8_192

/** W3C Baggage: what travels with a piece of work through all services, by name. */
export class CarriedBaggage implements Baggage {
  readonly #entries: ReadonlyMap<string, BaggageEntry>

  constructor(entries: ReadonlyMap<string, BaggageEntry> = new Map()) {
    this.#entries = entries
  }

  getEntry(key: string): BaggageEntry | undefined {
    return this.#entries.get(key)
  }

  getAllEntries(): [string, BaggageEntry][] {
    return [...this.#entries]
  }

  setEntry(key: string, entry: BaggageEntry): CarriedBaggage {
    return new CarriedBaggage(new Map(this.#entries).set(key, entry))
  }

  removeEntry(key: string): CarriedBaggage {
    return this.removeEntries(key)
  }

  removeEntries(...keys: string[]): CarriedBaggage {
    return new CarriedBaggage(new Map(this.getAllEntries().filter(([key]) => !keys.includes(key))))
  }

  clear(): CarriedBaggage {
    return new CarriedBaggage()
  }
}

/** `name=value;properties,…`, the values percent-encoded: https://www.w3.org/TR/baggage/#header-content */
export function parseBaggage(header: string): CarriedBaggage {
  const entries = new Map<string, BaggageEntry>()
  for (const member of header.split(',', MOST_ENTRIES)) {
    const [pair = '', ...properties] = member.split(';')
    const equals = pair.indexOf('=')
    const key = pair.slice(0, Math.max(0, equals)).trim()
    if (key === '') continue
    const value = decode(pair.slice(equals + 1).trim())
    const metadata = properties.join(';').trim()
    entries.set(
      key,
      metadata === '' ? { value } : { value, metadata: { toString: () => metadata } },
    )
  }
  return new CarriedBaggage(entries)
}

/** As a header; what is beyond the limits stays behind. */
export function writeBaggage(baggage: Baggage): string {
  let header = ''
  for (const [key, { value, metadata }] of baggage.getAllEntries().slice(0, MOST_ENTRIES)) {
    const properties = metadata === undefined ? '' : `;${metadata}`
    const member = `${encode(key)}=${encode(value)}${properties}`
    const longer = header === '' ? member : `${header},${member}`
    if (longer.length <= LONGEST_HEADER) header = longer
  }
  return header
}

/** Half a character, such as a cut text may end with, has no encoding. */
function encode(text: string): string {
  return encodeURIComponent(Buffer.from(String(text)).toString())
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
