import { type Quantity, significant } from './duration.ts'

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** 1,234 up to five digits, then 12.3 k, 4.56 M. */
export function formatCount(count: number | null | undefined): string {
  if (count === null || count === undefined || !Number.isFinite(count)) return '–'
  const size = Math.abs(count)
  if (size >= 999.5e6) return `${significant(count / 1e9)} G`
  if (size >= 999_500) return `${significant(count / 1e6)} M`
  if (size >= 99_999.5) return `${significant(count / 1e3)} k`
  if (size >= 100 || Number.isInteger(count)) return WHOLE.format(count)
  return size >= 9.95 ? count.toFixed(1) : String(Number(count.toFixed(2)))
}

/** Calls per second, or per minute where that reads better than 0.03/s. */
export function toRate(perSecond: number | null | undefined): Quantity {
  if (perSecond === null || perSecond === undefined || !Number.isFinite(perSecond)) {
    return { value: '–', unit: '' }
  }
  if (perSecond === 0) return { value: '0', unit: '/s' }
  if (perSecond < 0.995) return { value: significant(perSecond * 60), unit: '/min' }
  if (perSecond < 9_999.5) return { value: significant(perSecond), unit: '/s' }
  return { value: formatCount(Math.round(perSecond)), unit: '/s' }
}

export function formatRate(perSecond: number | null | undefined): string {
  const { value, unit } = toRate(perSecond)
  return `${value}${unit}`
}

/** A ratio of 0 to 1 as percent; what is there but tiny is never shown as zero. */
export function formatPercent(ratio: number | null | undefined): string {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return '–'
  const percent = ratio * 100
  if (percent === 0) return '0 %'
  if (Math.abs(percent) < 0.01) return '< 0.01 %'
  if (percent >= 99.95) return `${percent.toFixed(0)} %`
  return `${percent >= 9.995 ? percent.toFixed(1) : percent.toFixed(2)} %`
}

/** A relative change with its sign: −42 %, +3.5 %. The minus is a real one. */
export function formatChange(change: number | null | undefined): string {
  if (change === null || change === undefined || !Number.isFinite(change)) return '–'
  const percent = Math.abs(change * 100)
  const digits = percent < 9.95 ? 1 : 0
  if (Number(percent.toFixed(digits)) === 0) return '±0 %'
  return `${change < 0 ? '−' : '+'}${percent.toFixed(digits)} %`
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return '–'
  const exponent = Math.min(
    BYTE_UNITS.length - 1,
    bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10),
  )
  const value = bytes / 1024 ** exponent
  return `${exponent === 0 ? value.toFixed(0) : significant(value)} ${BYTE_UNITS[exponent] ?? 'B'}`
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}
