import { globalAgent as httpAgent } from 'node:http'
import { globalAgent as httpsAgent } from 'node:https'
import { defineKnob, UNLIMITED } from '../control/knobs.ts'

/** What each of the two had before it was turned. */
let own: readonly [http: number, https: number] | undefined

/** Connections to one host that `http.request` and `https.request` open at the same time, by default without limit. */
export const httpMaxSockets = defineKnob({
  name: 'http.max_sockets',
  unit: '{connection}',
  description: 'Connections of http.globalAgent and https.globalAgent to one host',
  read: () => Math.min(httpAgent.maxSockets, httpsAgent.maxSockets),
  apply(value) {
    own ??= [httpAgent.maxSockets, httpsAgent.maxSockets]
    const limit = value >= UNLIMITED ? Number.POSITIVE_INFINITY : value
    httpAgent.maxSockets = limit
    httpsAgent.maxSockets = limit
  },
  putBack() {
    if (own === undefined) return
    ;[httpAgent.maxSockets, httpsAgent.maxSockets] = own
    own = undefined
  },
})
