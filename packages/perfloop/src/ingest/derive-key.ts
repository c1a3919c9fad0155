import { createHmac } from 'node:crypto'

/** A key for one purpose from the secret of this installation, so that no two purposes share one (NIST SP 800-108). */
export function deriveKey(secret: string, purpose: string): Uint8Array {
  return createHmac('sha256', secret).update(`perfloop ${purpose}`).digest()
}
