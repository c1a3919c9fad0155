import { Agent, request } from 'node:http'

/** How a server is asked, by connections that are kept. */
export interface Connection {
  readonly agent: Agent
  readonly request: typeof request
}

/** In PEM: whom to trust instead of those whom Node does, and who we are. */
export interface Certificates {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

/** `node:https` is loaded where an address wants it: it brings three megabytes of memory with it. */
export function connectionTo(
  { protocol }: URL,
  maxSockets: number,
  certificates: Certificates,
): Connection {
  // As Node's own connections do where it is asked to: https://nodejs.org/api/http.html#built-in-proxy-support
  const proxyEnv = process.env.NODE_USE_ENV_PROXY === '1' ? process.env : undefined
  const options = { keepAlive: true, maxSockets, proxyEnv }
  if (protocol !== 'https:') return { agent: new Agent(options), request }
  const https = process.getBuiltinModule('node:https')
  return { agent: new https.Agent({ ...options, ...certificates }), request: https.request }
}
