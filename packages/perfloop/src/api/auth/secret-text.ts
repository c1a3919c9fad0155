import { createHash, timingSafeEqual } from 'node:crypto'

/** Equal in constant time, whatever the lengths: both sides are hashed first. */
export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(
    createHash('sha256').update(a).digest(),
    createHash('sha256').update(b).digest(),
  )
}
