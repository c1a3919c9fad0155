import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Agent } from '../agent.ts'
import { readCaller } from '../propagate/trace-context.ts'
import { ActiveSpan } from '../record/active-span.ts'
import { setSpanOfRequest, spanOfRequest } from './request-span.ts'
import { recordServerSpan } from './server-span.ts'

/** Requests whose socket somebody takes over have no answer of Node's: `upgrade`, and `CONNECT`. */
export function isTakingOver(event: string | symbol): boolean {
  return event === 'upgrade' || event === 'connect'
}

/**
 * The span of such a request, which ends when its answer begins: what comes after that is no request any more. Undefined
 * where it has begun already.
 */
export function beginTakeover(
  agent: Agent,
  request: IncomingMessage,
  socket: Duplex,
  scheme: string,
): ActiveSpan | undefined {
  try {
    if (spanOfRequest(request) !== undefined || agent.recorder.isStopped) return undefined
    const span = new ActiveSpan(readCaller(request.headers))
    span.method = request.method
    setSpanOfRequest(request, span)
    whenAnswered(agent, socket, status => recordTakeover(agent, request, span, status, scheme))
    return span
  } catch (error) {
    agent.report('beginning an upgrade', error)
    return undefined
  }
}

/** `status` is NaN where there was no answer, or one that is none of HTTP. */
export function recordTakeover(
  agent: Agent,
  request: IncomingMessage,
  span: ActiveSpan,
  status: number,
  scheme: string,
): void {
  if (!span.isFollowed) return
  recordServerSpan(agent, span, {
    method: request.method,
    url: request.url ?? '',
    scheme,
    host: request.headers.host,
    headers: request.headers,
    clientAddress: request.socket?.remoteAddress,
    protocolVersion: request.httpVersion,
    status,
    isAborted: Number.isNaN(status),
    bodySize: undefined,
  })
}

/** The first bytes that are written are the answer's. */
function whenAnswered(agent: Agent, socket: Duplex, note: (status: number) => void): void {
  const restores: (() => void)[] = []
  let isOver = false
  const end = (status: number) => {
    if (isOver) return
    isOver = true
    socket.removeListener('close', onClose)
    for (const restore of restores) restore()
    note(status)
  }
  const onClose = () => safely(() => end(Number.NaN))
  const safely = (action: () => void) => {
    try {
      action()
    } catch (error) {
      agent.report('recording an upgrade', error)
    }
  }
  const observe = (name: 'write' | 'end') => {
    const method = socket[name] as (...args: unknown[]) => unknown
    const observing = function (this: Duplex, ...args: unknown[]): unknown {
      if (!isOver && isContent(args[0])) safely(() => end(statusOf(args[0])))
      return method.apply(this, args)
    }
    const had = Object.getOwnPropertyDescriptor(socket, name)
    Object.defineProperty(socket, name, { value: observing, configurable: true, writable: true })
    restores.push(() => {
      // Somebody else may have put another one before it.
      if (Object.getOwnPropertyDescriptor(socket, name)?.value !== observing) return
      if (had === undefined) Reflect.deleteProperty(socket, name)
      else Object.defineProperty(socket, name, had)
    })
  }
  observe('write')
  observe('end')
  socket.once('close', onClose)
}

function isContent(chunk: unknown): chunk is string | Uint8Array {
  return (typeof chunk === 'string' || chunk instanceof Uint8Array) && chunk.length > 0
}

function statusOf(chunk: unknown): number {
  const begin =
    typeof chunk === 'string'
      ? chunk.slice(0, STATUS_LINE)
      : Buffer.from((chunk as Uint8Array).subarray(0, STATUS_LINE)).toString('latin1')
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(begin)?.[1] ?? Number.NaN)
}

const STATUS_LINE = 12
