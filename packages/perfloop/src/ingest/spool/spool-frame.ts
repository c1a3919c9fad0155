import { crc32 } from 'node:zlib'
import { z } from 'zod'
import type { NativeBlock } from '../ingest-buffer.ts'

/**
 * A segment file is a 16-byte head (magic, version, zeros) and then frames; one frame is one group commit.
 * A frame, little endian:
 *
 *     0  8  magic
 *     8  4  length of the manifest
 *    12  4  length of the payload
 *    16  4  CRC-32 of the payload
 *    20  4  CRC-32 of bytes 8 to 20 and of the manifest
 *    24     manifest: JSON, which batches are in the frame and which streams
 *           payload: the Native bytes of the streams, back to back
 *
 * The lengths have a checksum of their own, so that a damaged payload is stepped over by its length; only
 * where a head is damaged is the next frame looked for by its magic. As in PNG, the magic holds a byte over
 * 127 and both line ends, so that a transfer in text mode is noticed.
 */
const SEGMENT_MAGIC = Buffer.from([0x89, 0x50, 0x4c, 0x53, 0x0d, 0x0a, 0x1a, 0x0a])
export const FRAME_MAGIC = Buffer.from([0x89, 0x50, 0x4c, 0x46, 0x0d, 0x0a, 0x1a, 0x0a])
const SEGMENT_VERSION = 1
export const SEGMENT_HEAD_BYTES = 16
export const FRAME_HEAD_BYTES = 24

const FrameStream = z.object({
  table: z.string(),
  columns: z.array(z.string()),
  rows: z.int().min(0),
  bytes: z.int().min(0),
})
const FrameManifest = z.object({ batches: z.array(z.string()), streams: z.array(FrameStream) })

export type FrameStream = z.output<typeof FrameStream>
export type FrameManifest = z.output<typeof FrameManifest>

export interface EncodedFrame {
  /** To be written back to back. */
  readonly buffers: readonly Uint8Array[]
  readonly bytes: number
  readonly rows: number
}

export function segmentHead(): Buffer {
  const head = Buffer.alloc(SEGMENT_HEAD_BYTES)
  SEGMENT_MAGIC.copy(head)
  head.writeUInt32LE(SEGMENT_VERSION, 8)
  return head
}

export function isSegmentHead(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return (
    head.length >= SEGMENT_HEAD_BYTES &&
    head.subarray(0, 8).equals(SEGMENT_MAGIC) &&
    head.readUInt32LE(8) === SEGMENT_VERSION
  )
}

export function encodeFrame(
  blocks: readonly NativeBlock[],
  batches: readonly string[],
): EncodedFrame {
  const streams: FrameStream[] = []
  let payloadBytes = 0
  let payloadCrc = 0
  let rows = 0
  for (const { table, columns, rows: blockRows, bytes } of blocks) {
    streams.push({ table, columns: [...columns], rows: blockRows, bytes: bytes.byteLength })
    payloadBytes += bytes.byteLength
    payloadCrc = crc32(bytes, payloadCrc)
    rows += blockRows
  }

  const manifest = Buffer.from(JSON.stringify({ batches, streams }))
  const head = Buffer.alloc(FRAME_HEAD_BYTES)
  FRAME_MAGIC.copy(head)
  head.writeUInt32LE(manifest.length, 8)
  head.writeUInt32LE(payloadBytes, 12)
  head.writeUInt32LE(payloadCrc, 16)
  head.writeUInt32LE(headCrc(head, manifest), 20)

  return {
    buffers: [head, manifest, ...blocks.map(block => block.bytes)],
    bytes: FRAME_HEAD_BYTES + manifest.length + payloadBytes,
    rows,
  }
}

export interface FrameHead {
  readonly manifestBytes: number
  readonly payloadBytes: number
  readonly payloadCrc: number
  readonly crc: number
  readonly head: Buffer
}

/** The fixed part of a frame, or undefined where there is none. Not yet checked. */
export function decodeFrameHead(head: Buffer): FrameHead | undefined {
  if (head.length < FRAME_HEAD_BYTES || !head.subarray(0, 8).equals(FRAME_MAGIC)) return undefined
  return {
    manifestBytes: head.readUInt32LE(8),
    payloadBytes: head.readUInt32LE(12),
    payloadCrc: head.readUInt32LE(16),
    crc: head.readUInt32LE(20),
    head: head.subarray(0, FRAME_HEAD_BYTES),
  }
}

/** The manifest, or undefined where its checksum or its shape is wrong. */
export function decodeManifest(head: FrameHead, manifest: Buffer): FrameManifest | undefined {
  if (manifest.length !== head.manifestBytes || headCrc(head.head, manifest) !== head.crc) {
    return undefined
  }
  try {
    const parsed = FrameManifest.parse(JSON.parse(manifest.toString('utf8')))
    const bytes = parsed.streams.reduce((sum, stream) => sum + stream.bytes, 0)
    return bytes === head.payloadBytes ? parsed : undefined
  } catch {
    return undefined
  }
}

/** The bytes of each stream of a payload, in order. */
export function* streamsOf(
  manifest: FrameManifest,
  payload: Buffer,
): Generator<{ readonly stream: FrameStream; readonly bytes: Buffer }> {
  let offset = 0
  for (const stream of manifest.streams) {
    yield { stream, bytes: payload.subarray(offset, offset + stream.bytes) }
    offset += stream.bytes
  }
}

function headCrc(head: Buffer, manifest: Buffer): number {
  return crc32(manifest, crc32(head.subarray(8, 20)))
}
