import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import {
  decodeFrameHead,
  decodeManifest,
  FRAME_HEAD_BYTES,
  FRAME_MAGIC,
  type FrameHead,
  type FrameManifest,
  isSegmentHead,
  SEGMENT_HEAD_BYTES,
} from './spool-frame.ts'

/** What a segment holds, in the order of the file. */
export type SegmentPart =
  | {
      readonly kind: 'frame'
      readonly offset: number
      readonly length: number
      readonly manifest: FrameManifest
      /** Empty when payloads were not asked for. */
      readonly payload: Buffer
    }
  /** Bytes that were written but can no longer be trusted. */
  | {
      readonly kind: 'corrupt'
      readonly offset: number
      readonly length: number
      readonly reason: string
    }
  /** A frame whose writing was interrupted: it ends before it should, so it was never acknowledged. */
  | { readonly kind: 'torn'; readonly offset: number; readonly length: number }

const SEARCH_WINDOW_BYTES = 1024 * 1024
/** A manifest lists some tables and batches; a longer one is a damaged length, not to be allocated. */
const LONGEST_MANIFEST_BYTES = 16 * 1024 * 1024

/**
 * Reads a segment with the memory of one frame. Without payloads only heads and manifests are read and
 * checked, which is enough to know what a closed segment holds.
 */
export async function* readSegment(
  path: string,
  options: { readonly payloads: boolean },
): AsyncGenerator<SegmentPart> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const head = await read(file, 0, SEGMENT_HEAD_BYTES)
    let offset = SEGMENT_HEAD_BYTES
    if (!isSegmentHead(head)) {
      offset = (await findFrame(file, 0, size)) ?? size
      const length = Math.min(offset, size)
      if (offset >= size && head.every(byte => byte === 0))
        yield { kind: 'torn', offset: 0, length }
      else
        yield { kind: 'corrupt', offset: 0, length, reason: 'the head of the segment is damaged' }
    }

    while (offset < size) {
      const part = await readPart(file, offset, size, options.payloads)
      yield part
      offset += part.length
    }
  } finally {
    await file.close()
  }
}

async function readPart(
  file: FileHandle,
  offset: number,
  size: number,
  withPayload: boolean,
): Promise<SegmentPart> {
  const found = await frameAt(file, offset, size)
  if (found === undefined) {
    const next = await findFrame(file, offset + 1, size)
    return next === undefined
      ? { kind: 'torn', offset, length: size - offset }
      : { kind: 'corrupt', offset, length: next - offset, reason: 'the head of a frame is damaged' }
  }

  const { head, manifest } = found
  const payloadOffset = offset + FRAME_HEAD_BYTES + head.manifestBytes
  const length = FRAME_HEAD_BYTES + head.manifestBytes + head.payloadBytes
  if (offset + length > size) return { kind: 'torn', offset, length: size - offset }
  if (!withPayload) return { kind: 'frame', offset, length, manifest, payload: Buffer.alloc(0) }

  const payload = await read(file, payloadOffset, head.payloadBytes)
  if (payload.length !== head.payloadBytes || crc32(payload) !== head.payloadCrc) {
    return { kind: 'corrupt', offset, length, reason: 'the checksum of the payload does not match' }
  }
  return { kind: 'frame', offset, length, manifest, payload }
}

async function frameAt(
  file: FileHandle,
  offset: number,
  size: number,
): Promise<{ head: FrameHead; manifest: FrameManifest } | undefined> {
  const head = decodeFrameHead(await read(file, offset, FRAME_HEAD_BYTES))
  if (head === undefined) return undefined
  const remaining = size - offset - FRAME_HEAD_BYTES
  if (head.manifestBytes > Math.min(remaining, LONGEST_MANIFEST_BYTES)) return undefined
  const manifest = decodeManifest(
    head,
    await read(file, offset + FRAME_HEAD_BYTES, head.manifestBytes),
  )
  return manifest === undefined ? undefined : { head, manifest }
}

/** Offset of the next frame whose head and manifest are whole, from `from` on. */
async function findFrame(
  file: FileHandle,
  from: number,
  size: number,
): Promise<number | undefined> {
  for (let start = from; start < size; start += SEARCH_WINDOW_BYTES) {
    const window = await read(file, start, SEARCH_WINDOW_BYTES + FRAME_MAGIC.length - 1)
    for (let at = window.indexOf(FRAME_MAGIC); at >= 0; at = window.indexOf(FRAME_MAGIC, at + 1)) {
      if ((await frameAt(file, start + at, size)) !== undefined) return start + at
    }
  }
  return undefined
}

/** As many of the bytes as the file has. */
async function read(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}
