import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { readSpans } from '../otlp-reader.ts'
import { PEERS } from './peers.ts'
import type { Variant } from './variants.ts'

/** Counts the spans that an agent sends, in whichever protocol it speaks, and answers at once. */
export interface SpanReceiver {
  readonly url: string
  spans(): number
  close(): void
}

export async function startSpanReceiver(protocol: Variant['protocol']): Promise<SpanReceiver> {
  const count = protocol === undefined ? () => 0 : COUNTERS[protocol]()
  let spans = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      const isZipped = request.headers['content-encoding'] === 'gzip'
      spans += count(request.url ?? '', isZipped ? gunzipSync(body) : body)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    spans: () => spans,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

type Count = (path: string, body: Buffer) => number

/** Spans of a body by the protocol's own words; what else is sent (metrics, sessions, settings) counts as none. */
const COUNTERS: Readonly<Record<NonNullable<Variant['protocol']>, () => Count>> = {
  otlp: () => (path, body) => (path === '/v1/traces' ? readSpans(body).length : 0),
  datadog() {
    const { decode } = createRequire(PEERS)('@msgpack/msgpack') as {
      decode(body: Buffer, options: { useBigInt64: boolean }): unknown[][]
    }
    return (path, body) =>
      path.endsWith('/traces')
        ? decode(body, { useBigInt64: true }).reduce((sum, trace) => sum + trace.length, 0)
        : 0
  },
  elastic: () => (_path, body) =>
    body.toString().match(/^\{"(?:span|transaction)":/gm)?.length ?? 0,
  sentry: () => (_path, body) =>
    [...body.toString().matchAll(/^\{"type":"span","item_count":(\d+)/gm)].reduce(
      (sum, [, items]) => sum + Number(items),
      0,
    ),
}
