import { formatCount } from './number.ts'

/** What agents tell for "no limit". */
const UNLIMITED = 2 ** 31 - 1

/** `12`, `30,000 ms`, `unlimited`: units in braces are what is counted, and the name says that already. */
export function formatKnobValue(value: number, unit: string): string {
  if (value >= UNLIMITED) return 'unlimited'
  return unit === '' || unit.startsWith('{') ? formatCount(value) : `${formatCount(value)} ${unit}`
}
