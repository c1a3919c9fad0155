import { readFileSync } from 'node:fs'

export interface ProcessUsage {
  readonly cpuSeconds: number
  readonly rssBytes: number
}

/** Linux counts CPU time in these; sysconf(_SC_CLK_TCK) is 100 on every platform Node runs on. */
const TICKS_PER_SECOND = 100
const PAGE_BYTES = 4_096

export function ownUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage()
  return { cpuSeconds: (user + system) / 1e6, rssBytes: process.memoryUsage.rss() }
}

/** Of another process, where /proc tells; undefined elsewhere and when it has gone. */
export function usageOf(pid: number): ProcessUsage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may hold spaces; the fields after it are counted from 3 (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const at = (number: number) => Number(fields[number - 3] ?? 0)
    return {
      cpuSeconds: (at(14) + at(15)) / TICKS_PER_SECOND,
      rssBytes: at(24) * PAGE_BYTES,
    }
  } catch {
    return undefined
  }
}
