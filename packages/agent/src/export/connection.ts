import { Agent, request } from 'node:http'

/** How a server is asked, by connections that are kept. */
export interface Connection {
  readonly agent: Agent
  readonly request: typeof request
}

/** `node:https` is loaded where an address wants it: it brings three megabytes of memory with it. */
export function connectionTo({ protocol }: URL, maxSockets: number): Connection {
  const options = { keepAlive: true, maxSockets }
  if (protocol !== 'https:') return { agent: new Agent(options), request }
  const https = process.getBuiltinModule('node:https')
  return { agent: new https.Agent(options), request: https.request }
}
