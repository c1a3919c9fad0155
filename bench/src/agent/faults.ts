import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { rounded } from '../percentile.ts'
import { askAtRate } from './load.ts'
import { startApplication } from './measured-application.ts'
import { PERFLOOP } from './variants.ts'

const PER_SECOND = 25
const WARM_UP_SECONDS = 20

/** What a server may do to its agents: it is gone, never answers, or answers nonsense. */
export const FAULTS: Readonly<Record<string, RequestListener | undefined>> = {
  gone: undefined,
  hangs: () => {},
  garbage: (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-protobuf' })
    response.end(Buffer.from(Array.from({ length: 5_000 }, (_, n) => (n * 7919) % 256)))
  },
}

/**
 * Requests that failed, and memory that grew, while the server is away for `seconds` in each of the ways. Growth is
 * against the end of a time with a server that answers; that of the second half tells a leak from buffers that fill up.
 */
export async function measureFaults(
  place: { readonly node: string; readonly database: string },
  seconds: number,
  faults: readonly string[] = Object.keys(FAULTS),
): Promise<Readonly<Record<string, unknown>>> {
  const server = new ServerThatFails()
  const port = await server.listen()
  const application = await startApplication(PERFLOOP, {
    ...place,
    endpoint: `http://127.0.0.1:${port}`,
  })
  const askFor = (time: number) =>
    askAtRate(application, '/baskets', { perSecond: PER_SECOND, seconds: time })
  await askFor(Math.min(WARM_UP_SECONDS, seconds))
  const figures: Record<string, unknown> = { seconds_each: seconds }
  for (const fault of faults) {
    const beganMb = application.residentMb()
    await server.become(FAULTS[fault])
    const first = await askFor(seconds / 2)
    const halfMb = application.residentMb()
    const second = await askFor(seconds / 2)
    const failures = [...first.failures, ...second.failures]
    figures[fault] = {
      asked_requests: failures.length + first.latenciesMs.length + second.latenciesMs.length,
      failed_requests: failures.length,
      ...(failures.length > 0 && { first_failure: failures[0] }),
      began_mb: rounded(beganMb, 0),
      grown_mb: rounded(application.residentMb() - beganMb, 1),
      grown_in_second_half_mb: rounded(application.residentMb() - halfMb, 1),
    }
  }
  await application.end()
  await server.become(undefined)
  return figures
}

class ServerThatFails {
  #server: Server | undefined
  #port = 0

  async listen(): Promise<number> {
    await this.become((_request, response) => response.end())
    return this.#port
  }

  /** On the same port, since the agent was told of one. Undefined: nobody listens there. */
  async become(listener: RequestListener | undefined): Promise<void> {
    const former = this.#server
    if (former !== undefined) {
      former.closeAllConnections()
      await new Promise(resolve => former.close(resolve))
    }
    this.#server = undefined
    if (listener === undefined) return
    const server = createServer(listener)
    await new Promise<void>(resolve => server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }
}
