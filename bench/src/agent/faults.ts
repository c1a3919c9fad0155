import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { askAtRate } from './load.ts'
import { startApplication } from './measured-application.ts'
import { PERFLOOP } from './variants.ts'

const PER_SECOND = 50

/** What a server may do to its agents: it is gone, never answers, or answers nonsense. */
const FAULTS: Readonly<Record<string, RequestListener | undefined>> = {
  gone: undefined,
  hangs: () => {},
  garbage: (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-protobuf' })
    response.end(Buffer.from(Array.from({ length: 5_000 }, (_, n) => (n * 7919) % 256)))
  },
}

/** Requests that failed, and memory that grew, while the server is away in each of the ways for a third of the time. */
export async function measureFaults(
  place: { readonly node: string; readonly database: string },
  seconds: number,
): Promise<Readonly<Record<string, number>>> {
  const server = new ServerThatFails()
  const port = await server.listen()
  const application = await startApplication(PERFLOOP, {
    ...place,
    endpoint: `http://127.0.0.1:${port}`,
  })
  let failed = 0
  let asked = 0
  const beforeMb = application.residentMb()
  for (const [, listener] of Object.entries(FAULTS)) {
    await server.become(listener)
    const load = { perSecond: PER_SECOND, seconds: seconds / Object.keys(FAULTS).length }
    const result = await askAtRate(application, '/baskets', load)
    failed += result.failed
    asked += result.failed + result.latenciesMs.length
  }
  const grownMb = application.residentMb() - beforeMb
  await application.end()
  await server.become(undefined)
  return { seconds, asked_requests: asked, failed_requests: failed, grown_mb: Math.round(grownMb) }
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
