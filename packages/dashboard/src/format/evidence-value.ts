import { formatDuration } from './duration.ts'
import { formatBytes, formatCount, formatPercent, formatRate } from './number.ts'

/** A value of an issue's evidence, by the unit its key ends in. */
export function formatEvidence(key: string, value: unknown): string {
  if (typeof value === 'number') return formatNumber(key, value)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (value === null || value === undefined) return '–'
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(formatPart).join(', ')
  return JSON.stringify(value)
}

/** A column of an index as SQL writes it; what has no such words as it is. */
function formatPart(part: unknown): string {
  if (typeof part !== 'object' || part === null) return String(part)
  if (!('name' in part && 'descending' in part)) return JSON.stringify(part)
  return `${part.name}${part.descending === true ? ' DESC' : ''}`
}

/** `failed_ratio_low` is a ratio, `calls_max` a count: the statistic comes after the unit. */
const STATISTIC = /_(low|high|min|max|mean|median|p\d+)$/

function formatNumber(key: string, value: number): string {
  const name = key
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(STATISTIC, '')
  if (/_ns_per_hour$/.test(name)) return `${formatDuration(value)} per hour`
  if (/_ns(_per_[a-z]+)?$/.test(name)) return formatDuration(value)
  if (/_ms$/.test(name)) return formatDuration(value * 1e6)
  if (/_seconds$/.test(name)) return formatDuration(value * 1e9)
  if (/(_ratio|_share)$/.test(name)) return formatPercent(value)
  if (/_bytes_per_hour$/.test(name)) return `${formatBytes(value)} per hour`
  if (/_p_value$/.test(name)) return value < 0.001 ? '< 0.001' : value.toPrecision(2)
  if (/(^|_)bytes$/.test(name)) return formatBytes(value)
  if (/_per_second$/.test(name)) return formatRate(value)
  return formatCount(value)
}
