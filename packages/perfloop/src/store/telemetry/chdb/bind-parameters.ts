import type { BoundValue } from '../engine.ts'

/**
 * A `SET` that binds the parameters and settings of the statement after it on the same session, where they
 * stay: so the same settings are set each time. The engine reads a parameter's string in TSV form, so a string
 * is escaped twice: for TSV, then as a SQL string. The names come from our own queries; the values may be
 * anybody's.
 */
export function bindParameters(
  params: Readonly<Record<string, BoundValue>>,
  settings: Readonly<Record<string, string | number>>,
): string {
  const assignments = Object.entries(settings).map(
    ([name, value]) => `${name} = ${typeof value === 'number' ? value : sqlString(value)}`,
  )
  for (const [name, value] of Object.entries(params)) {
    if (!/^\w+$/.test(name)) throw new Error(`Not a parameter name: ${name}`)
    assignments.push(`param_${name} = ${sqlString(parameterText(value))}`)
  }
  return assignments.length === 0 ? '' : `SET ${assignments.join(', ')};\n`
}

function parameterText(value: BoundValue): string {
  if (typeof value === 'string') return tsvEscape(value)
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  return `[${value.map(item => (typeof item === 'string' ? sqlString(item) : item)).join(',')}]`
}

export function sqlString(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function tsvEscape(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('\t', '\\t')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\0', '\\0')
}
