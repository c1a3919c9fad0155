import { createServer } from 'node:net'
import { PerfloopError } from '../../domain/perfloop-error.ts'

/** How far to look beyond a port that is taken. */
const PORTS_TRIED = 50

/** `wanted`, or the first one after it that nobody listens on and that is not in `reserved`. */
export async function freePortFrom(
  wanted: number,
  host: string,
  reserved: ReadonlySet<number>,
): Promise<number> {
  for (let port = wanted; port < wanted + PORTS_TRIED && port <= 65_535; port++) {
    if (!reserved.has(port) && (await isFree(port, host))) return port
  }
  throw new PerfloopError('PORT_IN_USE', { port: wanted, host, tried: PORTS_TRIED })
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })
}
