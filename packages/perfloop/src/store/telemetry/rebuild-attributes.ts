/** A row of `shapes`, as far as rebuilding needs it. */
export interface StoredShape {
  readonly keys: readonly string[]
  /**
   * One letter a key: s string, i int, d double, b bool, j JSON, q the text of the span's statement, which
   * is in `patterns` and neither a constant nor a value.
   */
  readonly types: string
  /** 1 where the value is with the span. */
  readonly variable: ArrayLike<number>
  readonly constants: readonly string[]
}

export interface RebuiltSpan {
  readonly attributes: Record<string, unknown>
  /** The name as sent, where it is not the operation. */
  readonly name?: string
  readonly statusMessage?: string
  readonly traceState?: string
  /** What the sender or our limits dropped. */
  readonly dropped?: Readonly<Record<string, number>>
}

/**
 * A span's attributes and own fields out of its shape and its `attribute_values`, with their types.
 * Integers beyond what a double holds come as text. `statementText` is the text of its pattern.
 *
 * @example
 * rebuildAttributes({ keys: ['a', 'b'], types: 'si', variable: [0, 1], constants: ['x', ''] }, ['7'])
 * // { attributes: { a: 'x', b: 7 } }
 */
export function rebuildAttributes(
  shape: StoredShape,
  values: readonly string[],
  statementText = '',
): RebuiltSpan {
  const attributes: Record<string, unknown> = {}
  const fields: { -readonly [Name in keyof RebuiltSpan]?: RebuiltSpan[Name] } = {}
  let next = 0
  shape.keys.forEach((key, slot) => {
    const type = shape.types.charAt(slot)
    const isVariable = shape.variable[slot] === 1
    const text = isVariable ? (values[next++] ?? '') : (shape.constants[slot] ?? '')
    switch (key) {
      case '@name':
        fields.name = text
        return
      case '@status_message':
        fields.statusMessage = text
        return
      case '@trace_state':
        fields.traceState = text
        return
      case '@dropped':
        fields.dropped = countsOf(text)
        return
      case '@attributes':
        for (const [name, letter, value] of documentOf(text)) {
          define(attributes, name, typed(letter, value, statementText))
        }
        return
      default:
        define(attributes, key, typed(type, text, statementText))
    }
  })
  return { attributes, ...fields }
}

/** Keys are the sender's: `__proto__` is a name like any other. */
function define(attributes: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(attributes, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

function typed(type: string, text: string, statementText: string): unknown {
  switch (type) {
    case 'i': {
      const number = Number(text)
      return Number.isSafeInteger(number) ? number : text
    }
    case 'd': {
      const number = Number(text)
      return Number.isFinite(number) ? number : text
    }
    case 'b':
      return text === 'true'
    case 'j':
      return parsed(text)
    case 'q':
      return statementText
    default:
      return text
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A document that was cut is still worth reading.
    return text
  }
}

/** The attributes of a span beyond the bounds on key lists: [key, type, value]. */
function documentOf(text: string): readonly (readonly [string, string, string])[] {
  const list = parsed(text)
  if (!Array.isArray(list)) return []
  return list.map((item: unknown) => {
    const [key, type, value] = Array.isArray(item) ? item.map(String) : []
    return [key ?? '', type ?? 's', value ?? ''] as const
  })
}

function countsOf(text: string): Record<string, number> {
  const counts = parsed(text)
  if (typeof counts !== 'object' || counts === null) return {}
  return Object.fromEntries(Object.entries(counts).map(([what, count]) => [what, Number(count)]))
}
