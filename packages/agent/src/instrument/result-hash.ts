import { clockMs } from '../own-clock.ts'
import {
  type AttributeSchema,
  attributeSchema,
  INTEGER,
  PASSING_TEXT,
} from '../record/attribute-schema.ts'
import { type CostBudget, detail } from '../record/cost-budget.ts'
import { murmurHash } from '../record/murmur-hash.ts'
import { ValueWords } from '../record/value-words.ts'
import type { KnownText } from './issuing-line.ts'

/** 64 KB, some 50 to 100 µs: what is beyond is not looked at, and that is said. */
const MOST_WORDS = 16_384

/** What a statement was asked with is not known, or cannot be told apart: then its result says nothing either. */
export const UNKNOWN = Symbol('unknown')

/** Of the values that a statement was asked with; undefined where there were none. */
export type ParametersHash = string | undefined | typeof UNKNOWN

/** What a read was asked with and what it answered, 16 hexadecimal digits each. */
export interface ReadHashes {
  readonly parameters: string | undefined
  readonly result: string
  /** Rows that are in the hash, where these are not all; else NaN. */
  readonly hashedRows: number
}

/**
 * Whether reads tell a hash of their parameters and one of their result: of its columns' names and of all its rows in
 * their order. Equal ones, and one answer could have served both. Off unless the host or its Perfloop wants it.
 */
export const resultHashes = { areTold: false }

const hashed = new Map<AttributeSchema, AttributeSchema>()

/** Declares what spans of a driver tell besides where results are hashed: others pay nothing for it. */
export function declareHashes(
  plain: AttributeSchema,
  fixed: Readonly<Record<string, string>>,
  attributes: Parameters<typeof attributeSchema>[2],
): void {
  const told = attributeSchema(plain.scope, fixed, {
    ...attributes,
    'perfloop.db.parameters.hash': PASSING_TEXT,
    'perfloop.db.result.hash': PASSING_TEXT,
    'perfloop.db.result.hashed_rows': INTEGER,
  })
  hashed.set(plain, told)
}

export function schemaWithHashes(plain: AttributeSchema): AttributeSchema {
  return hashed.get(plain) ?? plain
}

let words: ValueWords | undefined

/** Values of placeholders, given after the statement or in its configuration. */
export function valuesAmong(asked: unknown, values: unknown): unknown {
  if (values !== undefined && values !== null && typeof values !== 'function') return values
  return (asked as { readonly values?: unknown } | null | undefined)?.values
}

/** To be called when the statement is issued: its values may be changed later. */
export function hashParameters({ text, name }: KnownText, values: unknown): ParametersHash {
  if (values === undefined || values === null) return undefined
  if (!detail.isKept || !isRead(text.text, name.text)) return UNKNOWN
  words ??= new ValueWords(MOST_WORDS)
  words.clear()
  try {
    words.value(values)
  } catch {
    return UNKNOWN
  }
  // Half of them would be equal where the others are not.
  return words.isCut ? UNKNOWN : murmurHash(words.words, words.count)
}

/**
 * Of a read's rows: objects or lists of values. To be called before the application has them. Undefined for writes, for
 * values that cannot be told apart, and while the agent costs too much.
 */
export function hashRows(
  { text, name }: KnownText,
  parameters: ParametersHash,
  rows: readonly unknown[],
  budget: CostBudget,
): ReadHashes | undefined {
  if (parameters === UNKNOWN || !detail.isKept || !isRead(text.text, name.text)) return undefined
  const beganMs = clockMs()
  words ??= new ValueWords(MOST_WORDS)
  words.clear()
  let hashedRows = 0
  try {
    words.value(rows.length)
    const [first] = rows
    const columns =
      typeof first === 'object' && first !== null && !Array.isArray(first) && Object.keys(first)
    if (columns) words.value(columns)
    while (hashedRows < rows.length) {
      const row = rows[hashedRows]
      if (columns) {
        for (const column of columns) words.value((row as Record<string, unknown>)[column])
      } else words.value(row)
      if (words.isCut) break
      hashedRows++
    }
  } catch {
    return undefined
  }
  const result = murmurHash(words.words, words.count)
  budget.spend(clockMs() - beganMs)
  return { parameters, result, hashedRows: words.isCut ? hashedRows : Number.NaN }
}

const WRITES = /\b(?:INSERT|UPDATE|DELETE|MERGE|REPLACE)\b/i

function isRead(text: string, verb: string): boolean {
  if (verb === 'WITH') return !WRITES.test(text)
  return verb === 'SELECT' || verb === 'VALUES' || verb === 'TABLE' || verb === 'SHOW'
}
