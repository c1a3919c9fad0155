/** Thresholds are 56-bit numbers, of which trailing zeros are left out (OTEP 235, consistent probability). */
const THRESHOLD_DIGITS = 14
const ALL = 2 ** 56

const THRESHOLD = /(?:^|,)\s*ot=(?:[^,;]*;)*th:([0-9a-f]{1,14})(?=[;,\s]|$)/

/**
 * How many spans one stands for, by the threshold its sampler left in the W3C trace state: it kept
 * (2^56 - threshold) of 2^56.
 */
export function samplingWeight(traceState: string): number {
  const digits = THRESHOLD.exec(traceState)?.[1]
  if (digits === undefined) return 1
  const threshold = Number.parseInt(digits.padEnd(THRESHOLD_DIGITS, '0'), 16)
  return ALL / Math.max(1, ALL - threshold)
}
