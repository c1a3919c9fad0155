import { isIP } from 'node:net'

/** What a Host header or an origin names. */
export interface Authority {
  /** In small letters, an IPv6 address without its brackets. */
  readonly name: string
  readonly port: string
}

/** Undefined for what is none: such a header is never of a well-meaning sender. */
export function readAuthority(text: string | undefined, defaultPort = '80'): Authority | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/?#@\\[\]]+))(?::(\d{1,5}))?$/.exec(text ?? '')
  if (!match) return undefined
  const name = (match[1] ?? match[2] ?? '').toLowerCase().replace(/\.$/, '')
  return { name, port: match[3] ?? defaultPort }
}

export function isLoopbackName(name: string): boolean {
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true
  return isIP(name) === 4 && name.startsWith('127.')
}

export function isListedName(name: string, listed: readonly string[]): boolean {
  return listed.some(other => other.toLowerCase() === name)
}

/**
 * A name that a stranger can make lead to us (DNS rebinding) is one of the public tree. Addresses are no names; a word
 * without a dot and the endings below are resolved within the own network only: RFC 6762 (.local), RFC 8375 (.home.arpa),
 * ICANN's reservation of .internal.
 */
export function canBeRebound(name: string): boolean {
  if (isIP(name) !== 0 || isLoopbackName(name) || !name.includes('.')) return false
  return !/\.(?:local|internal|home\.arpa)$/.test(name)
}
