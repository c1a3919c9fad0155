import { type Part, partOf } from './work-totals.ts'

/** Types of a span's attribute values as they stand in the columns. */
export const TEXT = 0
/** A text that hardly repeats, such as a path: it travels with its batch and is not remembered. */
export const PASSING_TEXT = 1
export const INTEGER = 2

export type ValueType = typeof TEXT | typeof PASSING_TEXT | typeof INTEGER

/**
 * The attributes that all spans of one instrumentation have, so that a span holds only values. `NaN` stands for
 * one that is not there. `fixed` are the same on each span.
 */
export interface AttributeSchema {
  readonly id: number
  readonly scope: string
  readonly fixed: readonly (readonly [key: string, value: string])[]
  readonly keys: readonly string[]
  readonly types: readonly ValueType[]
  /** What its spans count for in the totals of a request. */
  readonly part: Part
}

const schemas: AttributeSchema[] = []

/** Declares the attributes of an instrumentation. To be called when its module loads, in any thread. */
export function attributeSchema(
  scope: string,
  fixed: Readonly<Record<string, string>>,
  attributes: Readonly<Record<string, ValueType>>,
): AttributeSchema {
  const schema = {
    id: schemas.length,
    scope,
    fixed: Object.entries(fixed),
    keys: Object.keys(attributes),
    types: Object.values(attributes),
    part: partOf(fixed, attributes),
  }
  schemas.push(schema)
  return schema
}

/** All that were declared so far: what a thread needs to read the columns. */
export function declaredSchemas(): readonly AttributeSchema[] {
  return schemas
}
