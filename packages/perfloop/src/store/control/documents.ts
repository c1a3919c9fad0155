/** Documents are JSON text on their way in and out, on both engines. */
export function toDocument(value: unknown): string {
  return JSON.stringify(value ?? null, (_, inner) =>
    typeof inner === 'bigint' ? inner.toString() : inner,
  )
}

/** Null stays null; what the database held as JSON becomes a value. */
export function fromDocument(text: string | null): unknown {
  return text === null ? null : JSON.parse(text)
}

export function recordFrom(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {}
}

export function stringsFrom(text: string): readonly string[] {
  const value: unknown = JSON.parse(text)
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
}

/** One spelling of an instant, so that text order is time order. */
export function toInstant(instant: string): string {
  return new Date(instant).toISOString()
}

export function toInstantOrNull(instant: string | null): string | null {
  return instant === null ? null : toInstant(instant)
}
