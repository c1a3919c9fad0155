import { Agent, request } from 'node:http'

/** Sends export requests over a few kept connections and says how long each acknowledgement took. */
export interface OtlpClient {
  /** Milliseconds until the whole answer was read; throws unless it was 200. Refusals are retried as OTLP says. */
  send(body: Uint8Array): Promise<number>
  close(): void
}

export function createOtlpClient(port: number, connections: number): OtlpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const once = (body: Uint8Array) =>
    new Promise<{ status: number; retryAfterSeconds: number }>((resolve, reject) => {
      const outgoing = request(
        {
          agent,
          host: '127.0.0.1',
          port,
          path: '/v1/traces',
          method: 'POST',
          headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length },
        },
        response => {
          response.resume()
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              retryAfterSeconds: Number(response.headers['retry-after'] ?? 1),
            }),
          )
        },
      )
      outgoing.on('error', reject)
      outgoing.end(body)
    })

  return {
    async send(body) {
      const sentAt = performance.now()
      for (;;) {
        const { status, retryAfterSeconds } = await once(body)
        if (status === 200) return performance.now() - sentAt
        if (status !== 429 && status !== 503) throw new Error(`the receiver answered ${status}`)
        await new Promise(resolve => setTimeout(resolve, retryAfterSeconds * 1000))
      }
    },
    close: () => agent.destroy(),
  }
}
