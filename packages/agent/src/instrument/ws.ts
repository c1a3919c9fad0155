import type { IncomingMessage } from 'node:http'
import type { Agent } from '../agent.ts'
import { WebSockets } from '../measure/web-sockets.ts'
import { readCaller } from '../propagate/trace-context.ts'
import { ActiveSpan, activeSpan } from '../record/active-span.ts'
import type { PatchedModule } from './module-hook.ts'
import { setSpanOfRequest, spanOfRequest } from './request-span.ts'
import { recordTakeover } from './upgrade-span.ts'
import { wrapMethod } from './wrap-method.ts'

type Callback = (socket: WebSocket, request: IncomingMessage) => unknown

interface WebSocket {
  /** Of ws itself: nobody else listens there. */
  readonly _receiver?: Emitter & Counted
  readonly _sender?: Counted
  readonly _socket?: { readonly bytesRead?: number; readonly bytesWritten?: number }
  once(event: 'close', listener: () => void): unknown
}

interface Emitter {
  on(event: string, listener: () => void): unknown
}

interface WebSocketServer {
  readonly options?: { readonly path?: unknown }
  handleUpgrade(request: IncomingMessage, ...rest: unknown[]): unknown
  completeUpgrade(...args: unknown[]): unknown
}

/** Of servers that are none of Node's, or whose requests came some other way: the others have ended by themselves. */
const begunHere = new WeakSet<object>()

const CONNECTION = Symbol('perfloop.connection')

interface Counted {
  [CONNECTION]?: ReturnType<WebSockets['open']>
}

export function webSocketModules(agent: Agent): readonly PatchedModule[] {
  const inner = (file: string, apply: (agent: Agent, exports: object) => void) => ({
    package: 'ws',
    file,
    isInner: true as const,
    patch: (exports: object) => apply(agent, exports),
  })
  return [
    inner('lib/websocket-server.js', instrumentWebSocketServer),
    inner('lib/sender.js', instrumentWebSocketSender),
  ]
}

/** Of the process, however many copies of the package it has. */
let allSockets: WebSockets | undefined

/**
 * Servers of `ws` 7 and 8: their connections and messages are counted, and the request that became a connection is a
 * span that ends when it did.
 */
function instrumentWebSocketServer(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype?: WebSocketServer }
  if (typeof prototype?.handleUpgrade !== 'function') return
  if (typeof prototype.completeUpgrade !== 'function') return
  allSockets ??= new WebSockets(agent.metrics)
  const sockets = allSockets

  wrapMethod(
    prototype,
    'handleUpgrade',
    handleUpgrade =>
      function (this: WebSocketServer, request, ...rest) {
        const span = beginUpgrade(agent, this, request)
        const upgrade = () => handleUpgrade.call(this, request, ...rest)
        return span === undefined ? upgrade() : activeSpan.run(span, upgrade)
      },
  )
  wrapMethod(
    prototype,
    'completeUpgrade',
    completeUpgrade =>
      function (this: WebSocketServer, ...args) {
        const callback = args.at(-1)
        if (typeof callback === 'function') {
          const noting: Callback = function (this: unknown, socket, request) {
            note(agent, sockets, socket, request)
            return (callback as Callback).call(this, socket, request)
          }
          args[args.length - 1] = noting
        }
        return completeUpgrade.apply(this, args)
      },
  )
}

/** What a connection sends, counted where the message leaves for its socket. */
function instrumentWebSocketSender(_agent: Agent, exports: object): void {
  interface Sender extends Counted {
    send(...args: unknown[]): unknown
  }
  const { prototype } = exports as { readonly prototype?: Sender }
  if (typeof prototype?.send !== 'function') return
  wrapMethod(
    prototype,
    'send',
    send =>
      function (this: Sender, ...args) {
        this[CONNECTION]?.sent()
        return send.apply(this, args)
      },
  )
}

function beginUpgrade(
  agent: Agent,
  server: WebSocketServer,
  request: IncomingMessage,
): ActiveSpan | undefined {
  try {
    const known = spanOfRequest(request)
    if (agent.recorder.isStopped) return undefined
    const span = known ?? new ActiveSpan(readCaller(request.headers))
    // Its own address has what tells connections apart in it, so only a path that was declared is a route.
    const path = server.options?.path
    if (typeof path === 'string') span.place ??= path
    if (known !== undefined) return undefined
    setSpanOfRequest(request, span)
    begunHere.add(request)
    return span
  } catch (error) {
    agent.report('beginning an upgrade', error)
    return undefined
  }
}

function note(
  agent: Agent,
  sockets: WebSockets,
  socket: WebSocket,
  request: IncomingMessage,
): void {
  try {
    const { _receiver: receiver, _sender: sender, _socket: stream } = socket
    const connection = sockets.open(request, stream)
    if (receiver !== undefined) {
      receiver[CONNECTION] = connection
      receiver.on('message', countReceived)
    }
    if (sender !== undefined) sender[CONNECTION] = connection
    socket.once('close', () => connection.close())
    const span = spanOfRequest(request)
    if (span === undefined || !begunHere.delete(request)) return
    const isEncrypted = (request.socket as { encrypted?: unknown }).encrypted === true
    recordTakeover(agent, request, span, 101, isEncrypted ? 'https' : 'http')
  } catch (error) {
    agent.report('counting a connection', error)
  }
}

function countReceived(this: Counted): void {
  this[CONNECTION]?.received()
}
