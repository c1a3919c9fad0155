/** What a schema's spans count for in the totals of the request that they belong to. */
export const NO_PART = 0
export const DATABASE_PART = 1
export const RENDER_PART = 2

export type Part = typeof NO_PART | typeof DATABASE_PART | typeof RENDER_PART

/** Caches speak to clients as databases do; what they answer is no query. */
const CACHES = new Set(['redis', 'memcached'])

/** The part that spans with these attributes are, told by the names of the semantic conventions. */
export function partOf(
  fixed: Readonly<Record<string, string>>,
  attributes: Readonly<Record<string, unknown>>,
): Part {
  const system = fixed['db.system.name']
  if (system !== undefined) return CACHES.has(system) ? NO_PART : DATABASE_PART
  if ('db.query.text' in attributes) return DATABASE_PART
  return 'template.name' in attributes ? RENDER_PART : NO_PART
}

let areRepeatsCounted = false

/** For pages that show it, in development. */
export function countRepeats(): void {
  areRepeatsCounted = true
}

/**
 * What a request, or another piece of work, has done so far. Times during which several statements were under way count
 * once, so that no part is longer than the whole: a span counts from the end of the one counted before it.
 */
export class WorkTotals {
  statements = 0
  databaseMs = 0
  renderMs = 0
  /** When the answer was ready, where somebody wants to know; 0 before. */
  readyMs = 0
  /** How often each statement was issued, where somebody wants to know. */
  readonly repeats: Map<string, number> | undefined = areRepeatsCounted ? new Map() : undefined
  #databaseEndMs = 0
  #renderEndMs = 0

  add(part: Part, startMs: number, endMs: number): void {
    if (part === DATABASE_PART) {
      this.statements++
      this.databaseMs += Math.max(0, endMs - Math.max(startMs, this.#databaseEndMs))
      this.#databaseEndMs = Math.max(this.#databaseEndMs, endMs)
    } else {
      this.renderMs += Math.max(0, endMs - Math.max(startMs, this.#renderEndMs))
      this.#renderEndMs = Math.max(this.#renderEndMs, endMs)
    }
  }
}
