import type { FastifyInstance } from 'fastify'
import { PerfloopError } from '../domain/perfloop-error.ts'

/** Listens and answers the port it got; a taken port is named with how to choose another. */
export async function listen(app: FastifyInstance, host: string, port: number): Promise<number> {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE') {
      throw new PerfloopError('PORT_IN_USE', { port, host, flag: '--port' }, cause)
    }
    throw cause
  }
  const address = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

/** The address to open in a browser: one that is reachable from here. */
export function browserUrl(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}
