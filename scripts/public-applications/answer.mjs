import { request } from 'node:http'

/** What no two answers have in common. */
const CHANGING = new Set(['date'])

/** Status, headers in the order and the case they were sent in, and the bytes of the body. */
export function readAnswer(url, { headers = {}, method = 'GET' } = {}) {
  return new Promise((resolve, reject) => {
    request(url, { headers, method }, response => {
      const chunks = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const { rawHeaders, statusCode } = response
        const pairs = rawHeaders.flatMap((key, n) =>
          n % 2 === 0 && !CHANGING.has(key.toLowerCase()) ? [[key, rawHeaders[n + 1]]] : [],
        )
        resolve({ status: statusCode, headers: pairs, body: Buffer.concat(chunks) })
      })
    })
      .on('error', reject)
      .end()
  })
}

export function isSameAnswer(one, other) {
  return (
    other !== undefined &&
    one.status === other.status &&
    JSON.stringify(one.headers) === JSON.stringify(other.headers) &&
    one.body.equals(other.body)
  )
}
