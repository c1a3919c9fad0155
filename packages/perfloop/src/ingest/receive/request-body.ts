import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip, inflate, inflateRaw } from 'node:zlib'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { Arrival } from './intake.ts'

const decompressors = {
  gunzip: promisify(gunzip),
  inflate: promisify(inflate),
  inflateRaw: promisify(inflateRaw),
}

/** The whole body, or OTLP_BODY_TOO_LARGE as soon as it is. Throws when the sender goes away. */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  arrival: Arrival,
): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > maxBytes) throw new PerfloopError('OTLP_BODY_TOO_LARGE', { limitBytes: maxBytes })

  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) continue
    bytes += chunk.length
    if (bytes > maxBytes) throw new PerfloopError('OTLP_BODY_TOO_LARGE', { limitBytes: maxBytes })
    arrival.grow(chunk.length)
    chunks.push(chunk)
  }
  const [only] = chunks
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, bytes)
}

/** Off the event loop, and never more than `maxBytes` however much a small body would become. */
export async function decompress(
  body: Buffer,
  contentEncoding: string | undefined,
  maxBytes: number,
  arrival: Arrival,
): Promise<Buffer> {
  const encoding = contentEncoding?.trim().toLowerCase() ?? 'identity'
  if (encoding === 'identity' || encoding === '') return body
  if (encoding !== 'gzip' && encoding !== 'deflate') {
    throw new PerfloopError('OTLP_MEDIA_TYPE', { contentEncoding: encoding })
  }

  try {
    const plain = await decompressors[methodOf(encoding, body)](body, { maxOutputLength: maxBytes })
    arrival.grow(plain.length)
    return plain
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new PerfloopError('OTLP_BODY_TOO_LARGE', { limitBytes: maxBytes }, cause)
    }
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PerfloopError('OTLP_BODY_UNREADABLE', { contentEncoding: encoding, reason }, cause)
  }
}

/** `deflate` is zlib by RFC 9110, but some senders leave the zlib head (RFC 1950: 0x?8, divisible by 31) out. */
function methodOf(encoding: 'gzip' | 'deflate', body: Buffer): keyof typeof decompressors {
  if (encoding === 'gzip') return 'gunzip'
  if (body.length < 2) return 'inflate'
  const head = body.readUInt16BE(0)
  return (head & 0x0f00) === 0x0800 && head % 31 === 0 ? 'inflate' : 'inflateRaw'
}
