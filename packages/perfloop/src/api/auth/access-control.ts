import type { IncomingHttpHeaders } from 'node:http'
import { isLoopbackName } from '../../domain/host-name.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { Settings } from '../../settings/settings.ts'
import type { Access } from '../endpoint.ts'
import { AttemptLimit } from './attempt-limit.ts'
import { isSameSecret } from './secret-text.ts'
import {
  createSession,
  isValidSession,
  readCookie,
  SESSION_COOKIE,
  sessionCookie,
} from './session.ts'

/** The one actor there is until users come: whoever holds the admin token. */
export const ADMIN = 'admin'

/** Who may ask what. Reads are open on loopback, unless the settings say otherwise; writes never are. */
export class AccessControl {
  readonly #adminToken: string
  readonly #settings: Settings['server']
  readonly #attempts: AttemptLimit
  readonly readsNeedToken: boolean

  constructor(adminToken: string, settings: Settings['server']) {
    this.#adminToken = adminToken
    this.#settings = settings
    this.#attempts = new AttemptLimit(settings.failedTokensPerMinute)
    this.readsNeedToken = settings.requireTokenForReads ?? !isLoopbackName(settings.host)
  }

  /** Answers who asks; throws UNAUTHENTICATED or TOO_MANY_ATTEMPTS. A wrong token is refused on reads too. */
  authenticate(
    headers: IncomingHttpHeaders,
    access: Access,
    address: string,
    nowUnixMs: number,
  ): string {
    const bearer = /^Bearer\s+(\S+)\s*$/i.exec(headers.authorization ?? '')?.[1]
    if (bearer !== undefined && access !== 'public') {
      this.#checkToken(bearer, address, nowUnixMs)
      return ADMIN
    }
    const cookie = readCookie(headers.cookie, SESSION_COOKIE)
    if (cookie !== undefined && isValidSession(cookie, this.#adminToken, nowUnixMs)) return ADMIN
    if (access === 'write' || (access === 'read' && this.readsNeedToken)) {
      throw new PerfloopError('UNAUTHENTICATED')
    }
    return 'anonymous'
  }

  /** Exchanges the admin token for the `Set-Cookie` of a session. */
  signIn(
    token: string,
    address: string,
    nowUnixMs: number,
  ): { cookie: string; expiresUnixMs: number } {
    this.#checkToken(token, address, nowUnixMs)
    const expiresUnixMs = nowUnixMs + this.#settings.sessionMs
    const value = createSession(this.#adminToken, expiresUnixMs)
    return {
      cookie: sessionCookie(value, Math.floor(this.#settings.sessionMs / 1_000)),
      expiresUnixMs,
    }
  }

  #checkToken(token: string, address: string, nowUnixMs: number): void {
    // The right token always passes: a script that repeats a wrong one must not lock its owner out.
    if (isSameSecret(token, this.#adminToken)) return
    const wait = this.#attempts.waitSeconds(address, nowUnixMs)
    if (wait > 0) throw new PerfloopError('TOO_MANY_ATTEMPTS', { retry_after_seconds: wait })
    this.#attempts.countFailure(address, nowUnixMs)
    throw new PerfloopError('UNAUTHENTICATED', { reason: 'the token is wrong' })
  }
}
