const UNITS = [
  { unit: 'ns', ns: 1 },
  { unit: 'µs', ns: 1e3 },
  { unit: 'ms', ns: 1e6 },
  { unit: 's', ns: 1e9 },
] as const
const NS_PER_MINUTE = 60e9
const NS_PER_HOUR = 3_600e9
const NS_PER_DAY = 86_400e9

export interface Quantity {
  readonly value: string
  readonly unit: string
}

/** Three significant digits in the unit people would say: 840 µs, 12.3 ms, 1.45 s, 2 min 5 s, 3 h 20 min. */
export function formatDuration(durationNs: number | null | undefined): string {
  const { value, unit } = toDuration(durationNs)
  return unit === '' ? value : `${value} ${unit}`
}

/** The same in two parts, for a big number with a small unit. Longer than a minute it is one part. */
export function toDuration(durationNs: number | null | undefined): Quantity {
  if (durationNs === null || durationNs === undefined || !Number.isFinite(durationNs)) {
    return { value: '–', unit: '' }
  }
  if (durationNs < 0) {
    const { value, unit } = toDuration(-durationNs)
    return { value: `−${value}`, unit }
  }
  if (durationNs === 0) return { value: '0', unit: 'ms' }
  if (durationNs >= 59.95e9) return { value: formatLong(durationNs), unit: '' }
  // 999.6 µs is 1.00 ms, not 1000 µs: choose the unit after rounding.
  const fitting = UNITS.findLast(({ ns }) => durationNs >= ns * 0.9995) ?? UNITS[0]
  return { value: significant(durationNs / fitting.ns), unit: fitting.unit }
}

/** For an axis: every tick in the same unit, chosen by the largest. */
export function durationAxis(maxNs: number): {
  readonly unit: string
  readonly toLabel: (ns: number) => string
} {
  const fitting =
    maxNs >= NS_PER_HOUR
      ? { unit: 'h', ns: NS_PER_HOUR }
      : maxNs >= 2 * NS_PER_MINUTE
        ? { unit: 'min', ns: NS_PER_MINUTE }
        : (UNITS.findLast(({ ns }) => maxNs >= ns) ?? UNITS[0])
  return {
    unit: fitting.unit,
    toLabel: ns => `${trimZeros((ns / fitting.ns).toPrecision(3))} ${fitting.unit}`,
  }
}

export function significant(value: number): string {
  if (value >= 99.95) return value.toFixed(0)
  if (value >= 9.995) return value.toFixed(1)
  return value.toFixed(2)
}

function trimZeros(text: string): string {
  const plain = text.includes('e') ? String(Number(text)) : text
  return plain.includes('.') ? plain.replace(/\.?0+$/, '') : plain
}

function formatLong(durationNs: number): string {
  if (durationNs < NS_PER_HOUR) return twoParts(durationNs, NS_PER_MINUTE, 'min', 1e9, 's')
  if (durationNs < NS_PER_DAY) return twoParts(durationNs, NS_PER_HOUR, 'h', NS_PER_MINUTE, 'min')
  return twoParts(durationNs, NS_PER_DAY, 'd', NS_PER_HOUR, 'h')
}

function twoParts(
  durationNs: number,
  bigNs: number,
  bigUnit: string,
  smallNs: number,
  smallUnit: string,
): string {
  const inSmall = Math.round(durationNs / smallNs)
  const perBig = Math.round(bigNs / smallNs)
  const rest = inSmall % perBig
  const big = `${Math.floor(inSmall / perBig)} ${bigUnit}`
  return rest === 0 ? big : `${big} ${rest} ${smallUnit}`
}
