import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { segmentName } from './segment-name.ts'
import { syncDirectory } from './sync-directory.ts'

/** Why a part of a segment is not in the store; written beside its bytes. */
export interface QuarantineReport {
  readonly segment: number
  readonly offset: number
  readonly length: number
  readonly reason: string
  /** The table that refused it; absent when the bytes themselves are damaged. */
  readonly table?: string
}

const COPY_BYTES = 1024 * 1024

/**
 * Keeps a part of a segment, with a report, before the segment goes. The name follows from the place, so
 * that a repeated load keeps it once. Returns the path of the bytes. Durable when it resolves.
 */
export async function quarantine(
  directory: string,
  segmentFile: string,
  report: QuarantineReport,
): Promise<string> {
  await mkdir(directory, { recursive: true })
  const table = report.table === undefined ? '' : `-${report.table}`
  const name = `${segmentName(report.segment)}-${report.offset}${table}`
  const path = join(directory, `${name}.frame`)

  await copyRange(segmentFile, path, report.offset, report.length)
  await writeFile(
    join(directory, `${name}.json`),
    `${JSON.stringify({ code: 'SPOOL_FRAME_CORRUPT', ...report }, null, 2)}\n`,
    { flush: true },
  )
  await syncDirectory(directory)
  return path
}

async function copyRange(from: string, to: string, offset: number, length: number): Promise<void> {
  const source = await open(from, 'r')
  try {
    const target = await open(to, 'w')
    try {
      const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, length))
      for (let done = 0; done < length; ) {
        const want = Math.min(buffer.length, length - done)
        const { bytesRead } = await source.read(buffer, 0, want, offset + done)
        if (bytesRead === 0) break
        await target.writeFile(buffer.subarray(0, bytesRead))
        done += bytesRead
      }
      await target.datasync()
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}
