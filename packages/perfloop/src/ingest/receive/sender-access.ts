import { createHash } from 'node:crypto'
import {
  canBeRebound,
  isListedName,
  isLoopbackName,
  readAuthority,
} from '../../domain/host-name.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'

/** A token that senders may use. The token itself is nowhere kept. */
export interface IngestAccess {
  /** SHA-256 of the token, hexadecimal. */
  readonly tokenHash: string
  readonly environment: string
}

export interface SenderAccessOptions {
  readonly host: string
  /** null: only when listening beyond loopback. */
  readonly requireTokens: boolean | null
  readonly corsOrigins: readonly string[]
  /** Names by which we are reached, besides those that are ours in any case. */
  readonly allowedHosts: readonly string[]
}

export interface BrowserHeaders {
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly secFetchSite: string | undefined
}

const BEARER = /^Bearer +(\S+) *$/i

/** Who may send: ingest tokens, and which web pages. */
export class SenderAccess {
  readonly #requireTokens: boolean
  readonly #onLoopback: boolean
  readonly #origins: ReadonlySet<string>
  readonly #ownNames: readonly string[]
  /** Undefined until we were told: a right token must not be called wrong while Perfloop starts. */
  #environments: ReadonlyMap<string, string> | undefined

  constructor(options: SenderAccessOptions) {
    this.#onLoopback = isLoopbackName(options.host.toLowerCase())
    this.#ownNames = [options.host, ...options.allowedHosts]
    this.#requireTokens = options.requireTokens ?? !this.#onLoopback
    this.#origins = new Set(options.corsOrigins)
  }

  setTokens(tokens: readonly IngestAccess[]): void {
    this.#environments = new Map(
      tokens.map(({ tokenHash, environment }) => [tokenHash.toLowerCase(), environment]),
    )
  }

  /**
   * The environment that the token fixes, or undefined where none was sent and none is needed. A token that
   * is sent must be right even where none is needed: a revoked one shall not go on under another name.
   */
  environmentOf(authorization: string | undefined): string | undefined {
    const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1]
    if (token === undefined) {
      if (this.#requireTokens) throw new PerfloopError('INGEST_TOKEN_UNKNOWN')
      return undefined
    }
    if (this.#environments === undefined) {
      throw new PerfloopError('RECEIVER_BUSY', { reason: 'the ingest tokens are not loaded yet' })
    }
    // Looked up by its hash: the time this takes tells nothing about how much of a token was right.
    const environment = this.#environments.get(createHash('sha256').update(token).digest('hex'))
    if (environment === undefined) throw new PerfloopError('INGEST_TOKEN_UNKNOWN')
    return environment
  }

  /**
   * Browsers say which page a request comes from. Only listed pages may send; and on loopback the Host must
   * be this machine, or a foreign page could reach us under its own name (DNS rebinding).
   */
  requireAllowedPage({ host, origin, secFetchSite }: BrowserHeaders): void {
    if (origin === undefined && secFetchSite === undefined) return
    const isListed = origin !== undefined && this.#origins.has(origin)
    const isHere = !this.#onLoopback || isLoopbackName(readAuthority(host)?.name ?? '')
    if (!isListed || !isHere) throw new PerfloopError('FORBIDDEN_ORIGIN', { origin, host })
  }

  /**
   * Reading needs more care than sending: a page whose name was rebound to us is of our origin for its browser, which
   * then says nothing of where a GET comes from. Such a page has no token, and a name that somebody can rebind.
   */
  requireKnownName(host: string | undefined, environment: string | undefined): void {
    if (environment !== undefined) return
    const name = readAuthority(host)?.name
    const isKnown =
      name !== undefined && (!canBeRebound(name) || isListedName(name, this.#ownNames))
    if (!isKnown) throw new PerfloopError('FORBIDDEN_ORIGIN', { host })
  }
}
