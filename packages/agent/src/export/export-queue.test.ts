import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { ExportQueue } from './export-queue.ts'

it('drops the oldest that waits where there is no room, and gives its memory back at once', async () => {
  const held: ServerResponse[] = []
  let isHolding = true
  const server = createServer((request, response) => {
    request.resume()
    response.statusCode = 400
    if (isHolding) held.push(response)
    else response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  let done = 0
  let allDone = () => {}
  const finished = new Promise<void>(resolve => {
    allDone = resolve
  })
  const queue = new ExportQueue(
    {
      url: `http://127.0.0.1:${port}/`,
      headers: {},
      timeoutMs: 60_000,
      certificates: { ca: undefined, cert: undefined, key: undefined },
      maxQueuedBytes: 300_000,
    },
    {
      onDone: () => {
        if (++done === 5) allDone()
      },
      onProblem: () => {},
    },
  )
  const bodies = Array.from({ length: 5 }, (_, n) => Buffer.alloc(100_000, n))
  for (const body of bodies) queue.add(body, 1)
  // The first is on its way; of the others two fit.
  expect(bodies.map(({ buffer }) => buffer.byteLength)).toEqual([100_000, 0, 0, 100_000, 100_000])
  expect(done).toBe(2)
  isHolding = false
  if (held.length === 0) await once(server, 'request')
  for (const response of held) response.end()
  await finished
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})
