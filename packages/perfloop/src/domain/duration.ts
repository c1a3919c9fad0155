declare const unit: unique symbol

/** Nanoseconds between two instants. OTLP's unit, kept end to end. */
export type DurationNs = number & { readonly [unit]: 'ns' }

/** The one door from a bare number to a duration. Call it where data enters. */
export function durationNs(value: number): DurationNs {
  return value as DurationNs
}

export const NS_PER_MS = 1e6
export const NS_PER_SECOND = 1e9
export const NS_PER_HOUR = 3_600e9
