import type { StatementUse } from '../enrich/statement-book.ts'
import { textOf } from './any-value.ts'
import type { AttributeKey } from './key-table.ts'

/** Letters of `shapes.types`, as character codes. */
export const TYPE_STRING = 115 // s
export const TYPE_INT = 105 // i
export const TYPE_DOUBLE = 100 // d
export const TYPE_BOOL = 98 // b
export const TYPE_JSON = 106 // j
/** The text is that of the span's statement and stands in `patterns`. */
export const TYPE_STATEMENT = 113 // q

/**
 * One attribute of a span: its key and its redacted value, as text in somebody's bytes (the cache's arena,
 * the request body, or its own). Made once for a repeated attribute, and reused in place for others.
 */
export class AttributeRecord {
  key: AttributeKey
  type = TYPE_STRING
  source: Uint8Array
  start = 0
  end = 0
  /** Value of an int, double or bool; NaN for others. */
  number = Number.NaN
  /** 64 bits of hash of what was sent. */
  hashLow = 0
  hashHigh = 0
  /** What was sent, in the arena, to compare with; -1 where it is not kept. */
  rawStart = -1
  rawEnd = -1
  /** Whether it stays in the cache, so that what is derived from it is worth keeping. */
  isKept = false
  /** Derived by enrichment. */
  statement: StatementUse | undefined = undefined
  private cachedText: string | undefined = undefined

  constructor(key: AttributeKey, source: Uint8Array) {
    this.key = key
    this.source = source
  }

  /** The value as a JavaScript string, made when first asked for. */
  get text(): string {
    this.cachedText ??= textOf(this.source, this.start, this.end)
    return this.cachedText
  }

  /** Forgets what was derived from an earlier value. */
  reuse(): void {
    this.statement = undefined
    this.cachedText = undefined
    this.number = Number.NaN
  }

  ownText(text: string): void {
    this.source = Buffer.from(text)
    this.start = 0
    this.end = this.source.length
  }
}
