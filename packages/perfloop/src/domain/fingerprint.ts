declare const brand: unique symbol

/**
 * Stable identity of "the same work": a statement, route or stack without its literals.
 * Sixteen lower-case hexadecimal digits (64 bits), equal on every machine and after every restart.
 */
export type Fingerprint = string & { readonly [brand]: 'fingerprint' }

const FINGERPRINT = /^[0-9a-f]{16}$/

/** The one door from a bare string. Call it where data enters. */
export function fingerprint(value: string): Fingerprint {
  if (!FINGERPRINT.test(value)) throw new RangeError(`not a fingerprint: ${value}`)
  return value as Fingerprint
}
