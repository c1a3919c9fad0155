import { fingerprintStatement } from './fingerprint-statement.ts'
import type { Dialect, StatementPattern } from './statement-pattern.ts'

export interface StatementCacheOptions {
  readonly maxEntries: number
  readonly maxBytes: number
}

export interface StatementCacheStatistics {
  readonly hits: number
  readonly misses: number
  /** Statements that were let go to stay within the bounds. */
  readonly evictions: number
  /** Statements too long to be worth their memory; read anew each time. */
  readonly tooLong: number
  readonly entries: number
  /** Estimate of what the cache holds. */
  readonly bytes: number
}

export interface StatementCache {
  get(text: string, dialect: Dialect | string): StatementPattern
  statistics(): StatementCacheStatistics
  clear(): void
}

const LARGEST_SHARE = 64
/** Objects and map slots of one entry, measured with `process.memoryUsage()` over 100,000 entries. */
const ENTRY_BYTES = 420

interface Entry {
  readonly pattern: StatementPattern
  readonly bytes: number
}

/**
 * Patterns of statements seen lately, within a number of entries and of bytes. Two generations stand in for
 * an LRU list: what is asked for moves to the young one; when that has half of the bounds the old one goes
 * as a whole. So a flood of texts that never come back costs two map writes each, and what is asked for
 * often survives it.
 */
export function createStatementCache(options: StatementCacheOptions): StatementCache {
  const halfEntries = Math.max(1, Math.floor(options.maxEntries / 2))
  const halfBytes = Math.floor(options.maxBytes / 2)
  const longestBytes = Math.floor(options.maxBytes / LARGEST_SHARE)
  let young = new Map<string, Entry>()
  let old = new Map<string, Entry>()
  let youngBytes = 0
  let oldBytes = 0
  let hits = 0
  let misses = 0
  let evictions = 0
  let tooLong = 0
  let dialectOfCache: string | undefined

  function remember(text: string, entry: Entry): void {
    if (young.size >= halfEntries || youngBytes + entry.bytes > halfBytes) {
      evictions += old.size
      old = young
      oldBytes = youngBytes
      young = new Map()
      youngBytes = 0
    }
    young.set(text, entry)
    youngBytes += entry.bytes
  }

  function get(text: string, dialect: string): StatementPattern {
    const key = dialect === dialectOfCache ? text : keyOf(text, dialect)
    const known = young.get(key)
    if (known !== undefined) {
      hits++
      return known.pattern
    }
    const older = old.get(key)
    if (older !== undefined) {
      hits++
      old.delete(key)
      oldBytes -= older.bytes
      remember(key, older)
      return older.pattern
    }
    misses++
    const pattern = fingerprintStatement(text, dialect)
    const bytes = sizeOf(key, pattern)
    if (bytes > longestBytes) tooLong++
    else remember(key, { pattern, bytes })
    return pattern
  }

  function keyOf(text: string, dialect: string): string {
    dialectOfCache ??= dialect
    return dialect === dialectOfCache ? text : `${dialect}\u0000${text}`
  }

  return {
    get,
    statistics: () => ({
      hits,
      misses,
      evictions,
      tooLong,
      entries: young.size + old.size,
      bytes: youngBytes + oldBytes,
    }),
    clear() {
      young = new Map()
      old = new Map()
      youngBytes = 0
      oldBytes = 0
    },
  }
}

/** Two bytes a character: the upper bound of V8's strings. Literals are slices of the text. */
function sizeOf(key: string, pattern: StatementPattern): number {
  let characters = key.length + pattern.normalized.length + pattern.summary.length
  for (const table of pattern.tables) characters += table.length + 16
  return ENTRY_BYTES + 2 * characters + 40 * pattern.literals.length
}
