import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import { startOtlpReceiver } from './otlp-receiver.ts'

const { WebSocket } = createRequire(new URL('ecosystem/x.js', import.meta.url))('ws') as {
  WebSocket: new (
    url: string,
  ) => {
    on(event: string, listener: (...args: unknown[]) => void): void
    send(text: string): void
    close(): void
    terminate(): void
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'perfloop-sockets-'))
/** Under its own name, by which it is known. */
const otherWs = join(scratch, 'node_modules/ws')

beforeAll(() => {
  const ws = fileURLToPath(new URL('./ecosystem/node_modules/ws', import.meta.url))
  cpSync(ws, otherWs, { recursive: true })
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe('connections of ws', () => {
  it.each(NODES)(
    'are counted, whose they are and what goes through them, on Node %s',
    async (_version, node) => {
      await using receiver = await startOtlpReceiver()
      await using app = await startWithAgent('sockets.mjs', receiver.endpoint, {
        node,
        env: { SOCKETS_OTHER_WS: otherWs },
      })
      const { spans, metrics } = receiver
      const received: string[] = []
      // Half of them by a second copy of the package, which counts for the same.
      const open = (user: string, path: string) =>
        new Promise<InstanceType<typeof WebSocket>>((resolve, reject) => {
          const socket = new WebSocket(`${app.url.replace('http', 'ws')}${path}?user=${user}`)
          socket.on('message', data => received.push(String(data)))
          socket.on('open', () => resolve(socket))
          socket.on('error', reject)
        })
      const sockets = await Promise.all(
        [...Array(20).keys()].map(n =>
          open(n < 5 ? 'ada' : `u${n}`, n % 2 === 0 ? '/echo' : '/other'),
        ),
      )
      for (const socket of sockets) socket.send('a message')
      await eventually('the echoes', async () => (received.length === 40 ? true : undefined))
      for (const socket of sockets.slice(10)) socket.terminate()

      const latest = (name: string, attribute?: string) =>
        metrics.findLast(
          point =>
            point.name === `perfloop.websocket.${name}` &&
            (attribute === undefined || Object.values(point.attributes).includes(attribute)),
        )?.value
      await eventually('those that are left', async () =>
        latest('connections') === 10 && latest('messages', 'transmit') === 40 ? true : undefined,
      )
      expect(latest('messages', 'receive')).toBe(20)
      expect(latest('users')).toBe(6)
      expect(latest('user.connections', 'ada')).toBe(5)
      expect(latest('connections.idle')).toBe(0)
      expect(latest('idle.max')).toBeLessThan(30)
      // Each message has a frame around it, each connection its answer to the upgrade.
      expect(latest('io', 'receive')).toBeGreaterThanOrEqual(20 * 'a message'.length)
      expect(latest('io', 'transmit')).toBeGreaterThan(20 * ('a message'.length + 'twice'.length))

      const upgrades = await eventually('the upgrades', async () => {
        const own = spans.filter(
          ({ attributes }) => attributes['http.response.status_code'] === 101,
        )
        return own.length >= 20 ? own : undefined
      })
      expect(upgrades.map(({ name }) => name).sort()).toEqual([
        ...Array(10).fill('GET /echo'),
        ...Array(10).fill('GET /other'),
      ])
      for (const { name, startUnixNs, endUnixNs, attributes } of upgrades) {
        expect(name).toBe(`GET ${attributes['url.path']}`)
        expect(Number(endUnixNs - startUnixNs) / 1e6).toBeLessThan(1_000)
      }
      expect(app.standardError()).toBe('')
      for (const socket of sockets) socket.close()
    },
  )
})
