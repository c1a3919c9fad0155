import { createHmac } from 'node:crypto'
import { isSameSecret } from './secret-text.ts'

export const SESSION_COOKIE = 'perfloop_session'

/**
 * A signed-in browser: the cookie says until when, signed with a key made from the admin token, so that a
 * new token ends every session and nothing has to be stored.
 */
export function createSession(adminToken: string, expiresUnixMs: number): string {
  return `${expiresUnixMs}.${sign(adminToken, expiresUnixMs)}`
}

export function isValidSession(cookie: string, adminToken: string, nowUnixMs: number): boolean {
  const [expires = '', signature = ''] = cookie.split('.')
  const expiresUnixMs = Number(expires)
  if (!Number.isSafeInteger(expiresUnixMs) || expiresUnixMs <= nowUnixMs) return false
  return isSameSecret(signature, sign(adminToken, expiresUnixMs))
}

export function sessionCookie(value: string, maxAgeSeconds: number): string {
  return `${SESSION_COOKIE}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict`
}

export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const [key, ...value] = part.trim().split('=')
    if (key === name) return value.join('=')
  }
  return undefined
}

function sign(adminToken: string, expiresUnixMs: number): string {
  return createHmac('sha256', adminToken).update(`session ${expiresUnixMs}`).digest('base64url')
}
