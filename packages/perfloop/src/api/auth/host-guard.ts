import { isIP } from 'node:net'
import {
  type Authority,
  isListedName,
  isLoopbackName,
  readAuthority,
} from '../../domain/host-name.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'

export interface HostRules {
  /** The address Perfloop listens on. */
  readonly boundHost: string
  readonly allowedHosts: readonly string[]
}

export interface HostHeaders {
  readonly host: string | undefined
  readonly origin: string | undefined
  /** `Sec-Fetch-Site` and `Sec-Fetch-Mode`: what a browser says of the page that asks. */
  readonly fetchSite?: string | undefined
  readonly fetchMode?: string | undefined
  /** The address of ours that the connection came in on. */
  readonly localAddress: string | undefined
}

/**
 * Keeps other web pages out. A page that rebinds its name to our address sends that name as Host, so
 * only names we know are answered; a page of another origin sends that Origin, so it must be ours.
 * An IP address as Host is safe when it is the one the connection came in on: it cannot be rebound.
 */
export function checkHost(headers: HostHeaders, rules: HostRules): void {
  const host = readAuthority(headers.host)
  if (!host || !isAllowedName(host.name, headers.localAddress, rules)) {
    throw new PerfloopError('FORBIDDEN_ORIGIN', { host: headers.host ?? null })
  }
  if (headers.origin === undefined) {
    // An image or script of a foreign page has no Origin; it cannot read the answer, but could ask for costly
    // ones and hold all streams. A link that somebody follows may come from anywhere.
    if (headers.fetchSite === 'cross-site' && headers.fetchMode !== 'navigate') {
      throw new PerfloopError('FORBIDDEN_ORIGIN', { sec_fetch_site: headers.fetchSite })
    }
    return
  }
  const origin = readOrigin(headers.origin)
  const isOurs = origin !== undefined && origin.name === host.name && origin.port === host.port
  const isListed = origin !== undefined && isListedName(origin.name, rules.allowedHosts)
  if (!isOurs && !isListed) throw new PerfloopError('FORBIDDEN_ORIGIN', { origin: headers.origin })
}

function isAllowedName(name: string, localAddress: string | undefined, rules: HostRules): boolean {
  if (isLoopbackName(name) || isListedName(name, rules.allowedHosts)) return true
  if (name === rules.boundHost.toLowerCase()) return true
  return isIP(name) !== 0 && name === localAddress?.replace(/^::ffff:/, '')
}

function readOrigin(origin: string): Authority | undefined {
  const match = /^(https?):\/\/([^/?#@\\]+)$/.exec(origin)
  if (!match) return undefined
  return readAuthority(match[2], match[1] === 'https' ? '443' : '80')
}
