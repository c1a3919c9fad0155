/**
 * The words the lexer must know. Not a list of all keywords of five dialects: a word is here when it
 * changes what a neighbour means (a clause, a verb, the start of a list) or must not be taken for a name.
 */

/** Cannot be an alias or a column without quotes; printed in upper case. */
export const RESERVED = 1
/** Begins a clause: ends the lists of the clause before. */
export const CLAUSE = 2
/** Stands for a value, so that a following sign is an operator. */
export const OPERAND = 4
/** Begins a statement. */
export const VERB = 8
/** Type name that may stand before a literal, as in `DATE '2026-01-01'`. */
export const TYPE_PREFIX = 16
/** NULL, TRUE, FALSE, DEFAULT: a value without being a literal. */
export const VALUE = 32
/** Also a function's name: no space before its parenthesis. */
export const CALLABLE = 64

const WORDS = {
  ALL: RESERVED,
  ALTER: RESERVED | VERB,
  ANALYZE: VERB,
  AND: RESERVED,
  ANY: RESERVED,
  ARRAY: RESERVED,
  AS: RESERVED,
  ASC: RESERVED,
  BEGIN: RESERVED | VERB,
  BETWEEN: RESERVED,
  BY: RESERVED,
  CALL: VERB,
  CASE: RESERVED,
  CAST: RESERVED,
  CLOSE: VERB,
  COMMIT: VERB,
  CONNECT: CLAUSE,
  COPY: VERB,
  CREATE: RESERVED | VERB,
  CROSS: RESERVED,
  CURSOR: 0,
  DATE: TYPE_PREFIX,
  DEALLOCATE: VERB,
  DECLARE: VERB,
  DEFAULT: RESERVED | OPERAND | VALUE,
  DELETE: RESERVED | VERB,
  DESC: RESERVED,
  DISTINCT: RESERVED,
  DO: VERB,
  DROP: RESERVED | VERB,
  ELSE: RESERVED,
  END: RESERVED | OPERAND,
  EXCEPT: RESERVED | CLAUSE,
  EXEC: VERB,
  EXECUTE: VERB,
  EXISTS: RESERVED,
  EXPLAIN: VERB,
  EXTRACT: 0,
  FALSE: RESERVED | OPERAND | VALUE,
  FETCH: RESERVED | CLAUSE | VERB,
  FOR: RESERVED | CLAUSE,
  FROM: RESERVED | CLAUSE,
  FULL: RESERVED,
  GRANT: RESERVED | VERB,
  GROUP: RESERVED | CLAUSE,
  HAVING: RESERVED | CLAUSE,
  IDENTIFIED: 0,
  IF: CALLABLE,
  IGNORE: 0,
  ILIKE: RESERVED,
  IN: RESERVED,
  INDEX: 0,
  INNER: RESERVED,
  INSERT: RESERVED | VERB | CALLABLE,
  INTERSECT: RESERVED | CLAUSE,
  INTERVAL: TYPE_PREFIX,
  INTO: RESERVED | CLAUSE,
  IS: RESERVED,
  JOIN: RESERVED,
  KEY: 0,
  LATERAL: RESERVED,
  LEFT: RESERVED | CALLABLE,
  LIKE: RESERVED,
  LIMIT: RESERVED | CLAUSE,
  LOCK: VERB,
  LOOP: 0,
  LOW_PRIORITY: 0,
  MATERIALIZED: 0,
  MERGE: VERB,
  MINUS: CLAUSE,
  NATURAL: RESERVED,
  NOT: RESERVED,
  NULL: RESERVED | OPERAND | VALUE,
  OF: 0,
  OFFSET: RESERVED | CLAUSE,
  ON: RESERVED,
  ONLY: 0,
  OPTIMIZE: VERB,
  OR: RESERVED,
  ORDER: RESERVED | CLAUSE,
  OUTER: RESERVED,
  OUTPUT: CLAUSE,
  OVER: 0,
  PASSWORD: 0,
  PREPARE: VERB,
  QUALIFY: CLAUSE,
  RECURSIVE: 0,
  REGEXP: RESERVED,
  REINDEX: VERB,
  RELEASE: VERB,
  REPLACE: VERB | CALLABLE,
  RETURNING: RESERVED | CLAUSE,
  REVOKE: VERB,
  RIGHT: RESERVED | CALLABLE,
  RLIKE: RESERVED,
  ROLLBACK: VERB,
  SAVEPOINT: VERB,
  SELECT: RESERVED | VERB | CLAUSE,
  SET: RESERVED | CLAUSE | VERB,
  SHOW: VERB,
  SOME: RESERVED,
  START: VERB,
  STRAIGHT_JOIN: RESERVED,
  SYSTEM: 0,
  TABLE: RESERVED,
  TABLES: 0,
  THEN: RESERVED,
  TIME: TYPE_PREFIX,
  TIMESTAMP: TYPE_PREFIX,
  TIMESTAMPTZ: TYPE_PREFIX,
  TO: RESERVED,
  TOP: 0,
  TRANSACTION: 0,
  TRUE: RESERVED | OPERAND | VALUE,
  TRUNCATE: VERB | CALLABLE,
  UNION: RESERVED | CLAUSE,
  UNIQUE: 0,
  UPDATE: RESERVED | VERB,
  USE: VERB,
  USING: RESERVED,
  VACUUM: VERB,
  VALUES: RESERVED | CLAUSE | VERB,
  VIEW: 0,
  WHEN: RESERVED | CLAUSE,
  WHERE: RESERVED | CLAUSE,
  WINDOW: CLAUSE,
  WITH: RESERVED,
} as const satisfies Record<string, number>

export type KeywordName = keyof typeof WORDS

const NAMES = Object.keys(WORDS)

/** Number of each keyword; 0 is "no keyword". */
export const KEYWORD: Readonly<Record<KeywordName, number>> = Object.freeze(
  Object.fromEntries(NAMES.map((name, index) => [name, index + 1])) as Record<KeywordName, number>,
)

/** Flags by keyword number. */
export const KEYWORD_FLAGS = Uint8Array.from([0, ...Object.values(WORDS)])

/** Spelling by keyword number. */
export const KEYWORD_TEXT: readonly string[] = ['', ...NAMES]

/** FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/): the lexer computes it while it reads. */
export const WORD_SEED = 0x811c9dc5 | 0
export function wordStep(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x01000193)
}

const SHORTEST = 2
const LONGEST = Math.max(...NAMES.map(name => name.length))
/** Power of two, several times the number of keywords: most look-ups of other words end at an empty slot. */
const SLOTS = 1024
const slots = buildSlots()

function buildSlots(): Uint8Array {
  const table = new Uint8Array(SLOTS)
  NAMES.forEach((name, index) => {
    let hash = WORD_SEED
    for (const character of name.toLowerCase()) hash = wordStep(hash, character.charCodeAt(0))
    let slot = hash & (SLOTS - 1)
    while (table[slot] !== 0) slot = (slot + 1) & (SLOTS - 1)
    table[slot] = index + 1
  })
  return table
}

/** Number of the keyword in `text[start, end)`, whose lower-case FNV-1a is `hash`; 0 when it is none. */
export function findKeyword(text: string, start: number, end: number, hash: number): number {
  const length = end - start
  if (length < SHORTEST || length > LONGEST) return 0
  let slot = hash & (SLOTS - 1)
  for (;;) {
    const number = slots[slot] ?? 0
    if (number === 0) return 0
    const name = KEYWORD_TEXT[number] ?? ''
    if (name.length === length && equalsFolded(text, start, name)) return number
    slot = (slot + 1) & (SLOTS - 1)
  }
}

function equalsFolded(text: string, start: number, upperName: string): boolean {
  for (let i = 0; i < upperName.length; i++) {
    const code = text.charCodeAt(start + i)
    const expected = upperName.charCodeAt(i)
    if (code !== expected && (code !== (expected | 32) || expected === 95)) return false
  }
  return true
}
