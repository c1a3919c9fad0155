import type { IncomingMessage } from 'node:http'
import { clockMs } from '../own-clock.ts'
import type { Metrics } from './metrics.ts'

/** Who opened a connection, where the host can tell: an id, or nothing. */
export type WebSocketUser = (request: IncomingMessage) => string | undefined

let webSocketUser: WebSocketUser | undefined

/** From now on connections of `ws` are counted for each user, too; the ten with the most are told by their id. */
export function identifyWebSocketUsers(user: WebSocketUser): void {
  webSocketUser = user
}

/** A connection without a message for so long is told apart. */
const IDLE_S = 300
/** Beyond, connections are counted, and nothing more is known of each. */
const MOST_CONNECTIONS = 50_000
const MOST_TOLD_USERS = 10

interface Stream {
  readonly bytesRead?: number
  readonly bytesWritten?: number
}

class Connection {
  readonly #sockets: WebSockets
  readonly stream: Stream | undefined
  readonly user: string | undefined
  lastMs = clockMs()
  #isClosed = false

  constructor(sockets: WebSockets, stream: Stream | undefined, user: string | undefined) {
    this.#sockets = sockets
    this.stream = stream
    this.user = user
  }

  received(): void {
    this.#sockets.received++
    this.lastMs = clockMs()
  }

  sent(): void {
    this.#sockets.sent++
    this.lastMs = clockMs()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#sockets.forget(this)
  }
}

/** Open connections, what goes through them, how long they have been silent, and whose they are. */
export class WebSockets {
  received = 0
  sent = 0
  readonly #open = new Set<Connection>()
  #count = 0
  #bytesRead = 0
  #bytesWritten = 0
  readonly #users = new Map<string, number>()

  constructor(metrics: Metrics) {
    this.#measure(metrics)
  }

  open(request: IncomingMessage, stream: Stream | undefined): Connection {
    const user = this.#user(request)
    const connection = new Connection(this, stream, user)
    this.#count++
    if (this.#open.size < MOST_CONNECTIONS) this.#open.add(connection)
    if (user !== undefined && (this.#users.has(user) || this.#users.size < MOST_CONNECTIONS)) {
      this.#users.set(user, (this.#users.get(user) ?? 0) + 1)
    }
    return connection
  }

  forget(connection: Connection): void {
    this.#count--
    this.#open.delete(connection)
    this.#bytesRead += connection.stream?.bytesRead ?? 0
    this.#bytesWritten += connection.stream?.bytesWritten ?? 0
    const { user } = connection
    const others = user === undefined ? undefined : this.#users.get(user)
    if (user === undefined || others === undefined) return
    if (others > 1) this.#users.set(user, others - 1)
    else this.#users.delete(user)
  }

  #user(request: IncomingMessage): string | undefined {
    try {
      const user = webSocketUser?.(request)
      return typeof user === 'string' && user !== '' ? user.slice(0, 255) : undefined
    } catch {
      // It is nobody's then.
      return undefined
    }
  }

  #measure(metrics: Metrics): void {
    const named = (name: string, unit: string) => ({ name: `perfloop.websocket.${name}`, unit })
    const received = { 'network.io.direction': 'receive' }
    const sent = { 'network.io.direction': 'transmit' }
    metrics.observe('up-down-counter', named('connections', '{connection}'), observe =>
      observe(this.#count),
    )
    metrics.observe('counter', named('messages', '{message}'), observe => {
      observe(this.received, received)
      observe(this.sent, sent)
    })
    metrics.observe('up-down-counter', named('users', '{user}'), observe => {
      if (webSocketUser !== undefined) observe(this.#users.size)
    })
    metrics.observe('up-down-counter', named('user.connections', '{connection}'), observe => {
      const most = [...this.#users].sort(([, one], [, other]) => other - one)
      for (const [user, count] of most.slice(0, MOST_TOLD_USERS)) {
        observe(count, { 'user.id': user })
      }
    })
    let read = 0
    let written = 0
    let longestS = 0
    let idle = 0
    metrics.observe('up-down-counter', named('connections.idle', '{connection}'), observe => {
      const nowMs = clockMs()
      read = this.#bytesRead
      written = this.#bytesWritten
      longestS = 0
      idle = 0
      for (const { stream, lastMs } of this.#open) {
        const silentS = (nowMs - lastMs) / 1_000
        if (silentS >= IDLE_S) idle++
        longestS = Math.max(longestS, silentS)
        read += stream?.bytesRead ?? 0
        written += stream?.bytesWritten ?? 0
      }
      observe(idle)
    })
    metrics.observe('gauge', named('idle.max', 's'), observe => observe(longestS))
    metrics.observe('counter', named('io', 'By'), observe => {
      observe(read, received)
      observe(written, sent)
    })
  }
}
