import { formatDuration } from './duration.ts'
import { formatBytes, formatCount } from './number.ts'

/** A value of a profile in the words of its unit. */
export function formatProfileValue(value: number, unit: string): string {
  if (unit === 'bytes') return formatBytes(value)
  if (unit === 'nanoseconds') return formatDuration(value)
  if (unit === 'microseconds') return formatDuration(value * 1_000)
  if (unit === 'milliseconds') return formatDuration(value * 1_000_000)
  return formatCount(value)
}
