import type { BoundValue, QueryLimits } from '../engine.ts'

/**
 * A `SET` that binds the parameters of the query after it on the same session. The engine reads a parameter's
 * string in TSV form, so a string is escaped twice: for TSV, then as a SQL string. The names come from our own
 * queries; the values may be anybody's.
 */
export function bindParameters(
  params: Readonly<Record<string, BoundValue>>,
  limits: Required<QueryLimits>,
): string {
  const assignments = [
    `max_execution_time = ${limits.maxMs / 1000}`,
    `max_memory_usage = ${limits.maxMemoryBytes}`,
    `max_result_rows = ${limits.maxRows}`,
  ]
  for (const [name, value] of Object.entries(params)) {
    if (!/^\w+$/.test(name)) throw new Error(`Not a parameter name: ${name}`)
    assignments.push(`param_${name} = ${sqlString(parameterText(value))}`)
  }
  return `SET ${assignments.join(', ')};\n`
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
