import { opendir } from 'node:fs/promises'
import { numberAfter, readText } from './read-text.ts'

export interface ProcessUsage {
  /** Differs between two processes that had the same pid one after the other. */
  readonly identity: string
  readonly cpuMs: number
  readonly memoryBytes: number
  readonly threads: number
  readonly openFiles: number
  readonly diskReadBytes: number
  readonly diskWriteBytes: number
}

/** Beyond, a process has at least so many: whoever names one in telemetry must not make us count for seconds. */
const MOST_OPEN_FILES = 65_536
const FILES_AT_A_TIME = 1_024
const BYTES_PER_KIB = 1_024
const MS_PER_SECOND = 1_000

/**
 * A process as the kernel accounts it (proc(5)); undefined when it is gone. Disk bytes are those that
 * really went to or came from storage; another user's process does not show them, nor its open files.
 */
export async function readProcessUsage(
  pid: number,
  ticksPerSecond: number,
  procRoot = '/proc',
): Promise<ProcessUsage | undefined> {
  const directory = `${procRoot}/${pid}`
  const [stat, status, io, openFiles] = await Promise.all([
    readText(`${directory}/stat`),
    readText(`${directory}/status`),
    readText(`${directory}/io`),
    countEntries(`${directory}/fd`),
  ])
  if (stat === undefined || status === undefined) return undefined

  // The name in field 2 may hold spaces and brackets: count fields from the last bracket, which ends it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const userTicks = Number(fields[11])
  const systemTicks = Number(fields[12])
  return {
    identity: `${pid} ${fields[19]}`,
    cpuMs: ((userTicks + systemTicks) / ticksPerSecond) * MS_PER_SECOND,
    memoryBytes: (numberAfter(status, 'VmRSS') ?? 0) * BYTES_PER_KIB,
    threads: numberAfter(status, 'Threads') ?? 0,
    openFiles,
    diskReadBytes: numberAfter(io ?? '', 'read_bytes') ?? 0,
    diskWriteBytes: numberAfter(io ?? '', 'write_bytes') ?? 0,
  }
}

/** In another thread, and by parts: a server may have a hundred thousand sockets open. */
async function countEntries(directory: string): Promise<number> {
  let count = 0
  try {
    for await (const _ of await opendir(directory, { bufferSize: FILES_AT_A_TIME })) {
      count += 1
      if (count === MOST_OPEN_FILES) break
    }
  } catch {
    // Gone, or not ours to read.
  }
  return count
}
