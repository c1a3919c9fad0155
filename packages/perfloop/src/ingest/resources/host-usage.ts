import { cpus, freemem, totalmem } from 'node:os'
import { numberAfter, readText } from './read-text.ts'

export interface HostUsage {
  /** Of all cores together. */
  readonly busyMs: number
  readonly cores: number
  readonly memoryBytes: number
  readonly memoryLimitBytes: number
  readonly diskReadBytes: number
  readonly diskWriteBytes: number
  readonly networkReceiveBytes: number
  readonly networkTransmitBytes: number
}

const BYTES_PER_KIB = 1_024
/** The kernel counts sectors of 512 bytes whatever the disk's own are (Documentation/admin-guide/iostats). */
const BYTES_PER_SECTOR = 512
const MS_PER_SECOND = 1_000
/** Names that repeat what another disk counts, or are no disks: partitions, loop and memory devices, mappings. */
const NO_DISK = /^(?:loop|ram|zram|dm-|md|sr|fd)|^(?:[hsv]d[a-z]+|xvd[a-z]+)\d+$|p\d+$/

/** The machine as the kernel accounts it; elsewhere than on Linux what Node tells. */
export async function readHostUsage(
  ticksPerSecond: number,
  procRoot = '/proc',
): Promise<HostUsage> {
  const [stat, memory, disks, network] = await Promise.all([
    readText(`${procRoot}/stat`),
    readText(`${procRoot}/meminfo`),
    readText(`${procRoot}/diskstats`),
    readText(`${procRoot}/net/dev`),
  ])
  if (stat === undefined || memory === undefined) return portableUsage()

  const totalBytes = (numberAfter(memory, 'MemTotal') ?? 0) * BYTES_PER_KIB
  const availableBytes = (numberAfter(memory, 'MemAvailable') ?? 0) * BYTES_PER_KIB
  return {
    busyMs: (busyTicks(stat) / ticksPerSecond) * MS_PER_SECOND,
    cores: Math.max(1, stat.match(/^cpu\d+ /gm)?.length ?? 1),
    memoryBytes: Math.max(0, totalBytes - availableBytes),
    memoryLimitBytes: totalBytes,
    ...diskBytes(disks ?? ''),
    ...networkBytes(network ?? ''),
  }
}

/** user, nice, system, irq, softirq and steal; not idle and iowait, and guest is within user already. */
function busyTicks(stat: string): number {
  const fields = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '').split(' ').map(Number)
  return [0, 1, 2, 5, 6, 7].reduce((sum, index) => sum + (fields[index] ?? 0), 0)
}

function diskBytes(text: string): Pick<HostUsage, 'diskReadBytes' | 'diskWriteBytes'> {
  let read = 0
  let written = 0
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/)
    const name = fields[2]
    if (name === undefined || NO_DISK.test(name)) continue
    read += Number(fields[5] ?? 0) * BYTES_PER_SECTOR
    written += Number(fields[9] ?? 0) * BYTES_PER_SECTOR
  }
  return { diskReadBytes: read, diskWriteBytes: written }
}

function networkBytes(
  text: string,
): Pick<HostUsage, 'networkReceiveBytes' | 'networkTransmitBytes'> {
  let received = 0
  let sent = 0
  for (const line of text.split('\n')) {
    const [name, counters] = line.split(':')
    if (counters === undefined || name?.trim() === 'lo') continue
    const fields = counters.trim().split(/\s+/).map(Number)
    received += fields[0] ?? 0
    sent += fields[8] ?? 0
  }
  return { networkReceiveBytes: received, networkTransmitBytes: sent }
}

function portableUsage(): HostUsage {
  const all = cpus()
  return {
    busyMs: all.reduce(
      (sum, { times }) => sum + times.user + times.nice + times.sys + times.irq,
      0,
    ),
    cores: Math.max(1, all.length),
    memoryBytes: totalmem() - freemem(),
    memoryLimitBytes: totalmem(),
    diskReadBytes: 0,
    diskWriteBytes: 0,
    networkReceiveBytes: 0,
    networkTransmitBytes: 0,
  }
}
