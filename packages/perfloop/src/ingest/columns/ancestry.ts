import { SPAN_CATEGORIES } from '../../domain/span.ts'
import type { SpanRows } from './span-rows.ts'

const DB = SPAN_CATEGORIES.indexOf('db')
const UNKNOWN = -1
const NONE = -2
/** Layers between a mapper's statement and its driver's that say nothing of it themselves. */
const MOST_LAYERS = 4

/**
 * Relates the spans of one request to each other: the entry each belongs to, and which statements are
 * those of their parents seen by another layer. Parents in other requests stay unknown here.
 */
export class Ancestry {
  /** Open addressing: place → row, by span id. */
  private places = new Int32Array(2048)
  private mask = 0
  private first = 0
  /** Entry row of each row, UNKNOWN, or NONE. */
  private entryRows = new Int32Array(1024)

  resolve(rows: SpanRows, first: number, withoutStatement: number): void {
    const count = rows.rows - first
    if (count === 0) return
    this.index(rows, first, count)
    for (let row = first; row < rows.rows; row++) {
      const entry = this.entryOf(rows, row)
      if (entry >= 0) {
        rows.entryIds[row * 2] = rows.spanIds[entry * 2] as number
        rows.entryIds[row * 2 + 1] = rows.spanIds[entry * 2 + 1] as number
      } else {
        rows.entryIds[row * 2] = 0
        rows.entryIds[row * 2 + 1] = 0
      }
      rows.repeatedLayers[row] = this.isRepeatedLayer(rows, row, withoutStatement) ? 1 : 0
    }
  }

  private index(rows: SpanRows, first: number, count: number): void {
    let size = 16
    while (size < count * 2) size *= 2
    if (this.places.length < size) this.places = new Int32Array(size)
    if (this.entryRows.length < count) this.entryRows = new Int32Array(size)
    this.places.fill(UNKNOWN, 0, size)
    this.entryRows.fill(UNKNOWN, 0, count)
    this.mask = size - 1
    this.first = first

    for (let row = first; row < rows.rows; row++) {
      let place = placeOf(rows.spanIds, row) & this.mask
      while (this.places[place] !== UNKNOWN) place = (place + 1) & this.mask
      this.places[place] = row
    }
  }

  /** The row of the parent, or NONE. */
  private parentOf(rows: SpanRows, row: number): number {
    const low = rows.parentIds[row * 2] as number
    const high = rows.parentIds[row * 2 + 1] as number
    if (low === 0 && high === 0) return NONE
    let place = placeOf(rows.parentIds, row) & this.mask
    for (;;) {
      const candidate = this.places[place] as number
      if (candidate === UNKNOWN) return NONE
      if (
        rows.spanIds[candidate * 2] === low &&
        rows.spanIds[candidate * 2 + 1] === high &&
        isSameTrace(rows, candidate, row)
      ) {
        return candidate
      }
      place = (place + 1) & this.mask
    }
  }

  private entryOf(rows: SpanRows, row: number): number {
    const { first } = this
    let at = row
    let found = NONE
    // Rows on the way are set to NONE, which also ends a walk in a circle.
    for (;;) {
      const known = this.entryRows[at - first] as number
      if (known !== UNKNOWN) {
        found = known
        break
      }
      if (rows.entries[at] === 1) {
        found = at
        break
      }
      this.entryRows[at - first] = NONE
      const parent = this.parentOf(rows, at)
      if (parent === NONE) break
      at = parent
    }
    this.remember(rows, row, found)
    return found
  }

  /** Once more the same way, now that its end is known. */
  private remember(rows: SpanRows, row: number, found: number): void {
    const { first } = this
    let at = row
    while (at !== NONE && at !== found && this.entryRows[at - first] !== found) {
      this.entryRows[at - first] = found
      at = this.parentOf(rows, at)
    }
    if (at === found) this.entryRows[at - first] = found
  }

  private isRepeatedLayer(rows: SpanRows, row: number, withoutStatement: number): boolean {
    if (rows.categories[row] !== DB) return false
    const statement = rows.statements.indexes[row]
    if (statement === withoutStatement) return false
    let at = this.parentOf(rows, row)
    for (let layer = 0; layer < MOST_LAYERS; layer++) {
      if (at === NONE || rows.categories[at] !== DB) return false
      if (rows.statements.indexes[at] === statement) return true
      at = this.parentOf(rows, at)
    }
    return false
  }
}

function placeOf(ids: Uint32Array, row: number): number {
  const low = ids[row * 2] as number
  const high = ids[row * 2 + 1] as number
  const hash = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b)
  return hash ^ (hash >>> 15)
}

function isSameTrace(rows: SpanRows, a: number, b: number): boolean {
  const { traceIds } = rows
  return (
    traceIds[a * 4] === traceIds[b * 4] &&
    traceIds[a * 4 + 1] === traceIds[b * 4 + 1] &&
    traceIds[a * 4 + 2] === traceIds[b * 4 + 2] &&
    traceIds[a * 4 + 3] === traceIds[b * 4 + 3]
  )
}
