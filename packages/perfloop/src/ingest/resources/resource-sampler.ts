import { execFile } from 'node:child_process'
import { hostname } from 'node:os'
import { promisify } from 'node:util'
import type { Clock } from '../../domain/clock.ts'
import type { Logger } from '../../domain/logger.ts'
import type { Settings } from '../../settings/settings.ts'
import { readContainerUsage } from './container-usage.ts'
import { CpuMeter } from './cpu-meter.ts'
import { readHostUsage } from './host-usage.ts'
import { type ProcessUsage, readProcessUsage } from './process-usage.ts'
import { readText } from './read-text.ts'
import type { ResourceUsage } from './resource-usage.ts'

export interface WatchedProcess {
  readonly service: string
  readonly environment: string
  readonly pid: number
  /** Heap in use, where its runtime tells us. */
  readonly heapBytes?: number
}

export interface ResourceSamplerOptions {
  readonly settings: Settings['resources']
  readonly write: (rows: readonly ResourceUsage[]) => Promise<void>
  readonly logger: Logger
  readonly clock: Clock
  /** Perfloop's own other processes, such as the store's. This process is watched without being named. */
  readonly processes?: () => readonly WatchedProcess[] | Promise<readonly WatchedProcess[]>
  /** Processes of this host that telemetry told about (process.pid with our host.name). */
  readonly discover?: () => readonly WatchedProcess[] | Promise<readonly WatchedProcess[]>
}

export interface ResourceSampler {
  /** One reading now, beside those at the interval. */
  sample(): Promise<readonly ResourceUsage[]>
  close(): Promise<void>
}

/** The `service` of Perfloop's own processes. */
export const OWN_SERVICE = 'perfloop'

/** Samples host, container and processes at the set interval and hands the rows to `write`. */
export function startResourceSampler(options: ResourceSamplerOptions): ResourceSampler {
  const { settings, write, logger } = options
  const reader = new ResourceReader(options)
  let running: Promise<void> | undefined

  const tick = async () => {
    try {
      const rows = await reader.read()
      if (rows.length > 0) await write(rows)
    } catch (error) {
      logger.warn({ error }, 'a resource sample is missing')
    }
  }
  const start = () => {
    // A slow disk must not pile samples up: one at a time, and a missed one is missed.
    running ??= tick().finally(() => {
      running = undefined
    })
  }
  start()
  const timer = setInterval(start, settings.intervalMs)
  timer.unref()

  return {
    sample: () => reader.read(),
    async close() {
      clearInterval(timer)
      await running
    },
  }
}

const run = promisify(execFile)
/** USER_HZ is 100 on every platform Node is built for; asked all the same. */
const USUAL_TICKS_PER_SECOND = 100
const MS_PER_US = 1e-3

class ResourceReader {
  readonly #options: ResourceSamplerOptions
  readonly #meter = new CpuMeter()
  readonly #host = hostname()
  #ticksPerSecond: Promise<number> | undefined
  #lastReading: Promise<unknown> = Promise.resolve()

  constructor(options: ResourceSamplerOptions) {
    this.#options = options
  }

  /** Readings take turns: each is compared with the one before. */
  read(): Promise<readonly ResourceUsage[]> {
    const reading = this.#lastReading.then(() => this.#read())
    this.#lastReading = reading.catch(() => {})
    return reading
  }

  async #read(): Promise<readonly ResourceUsage[]> {
    this.#ticksPerSecond ??= readTicksPerSecond()
    const ticksPerSecond = await this.#ticksPerSecond
    const [host, container, processes] = await Promise.all([
      this.#readHost(ticksPerSecond),
      this.#readContainer(),
      this.#readProcesses(ticksPerSecond),
    ])
    this.#meter.forgetUnseen()
    return [host, container, ...processes].filter(row => row !== undefined)
  }

  async #readHost(ticksPerSecond: number): Promise<ResourceUsage | undefined> {
    const usage = await readHostUsage(ticksPerSecond)
    const nowUnixMs = this.#options.clock.nowUnixMs()
    const cores = this.#meter.cores('host', usage.busyMs, nowUnixMs)
    if (cores === undefined) return undefined
    return {
      ...this.#emptyRow('host', nowUnixMs),
      cpuRatio: Math.min(1, cores / usage.cores),
      memoryBytes: usage.memoryBytes,
      memoryLimitBytes: usage.memoryLimitBytes,
      diskReadBytes: usage.diskReadBytes,
      diskWriteBytes: usage.diskWriteBytes,
      networkReceiveBytes: usage.networkReceiveBytes,
      networkTransmitBytes: usage.networkTransmitBytes,
    }
  }

  async #readContainer(): Promise<ResourceUsage | undefined> {
    const usage = await readContainerUsage()
    if (usage === undefined) return undefined
    const nowUnixMs = this.#options.clock.nowUnixMs()
    const cores = this.#meter.cores('container', usage.cpuMs, nowUnixMs)
    if (cores === undefined) return undefined
    const usableCores = usage.limitCores ?? (await readHostUsage(USUAL_TICKS_PER_SECOND)).cores
    return {
      ...this.#emptyRow('container', nowUnixMs),
      cpuRatio: cores / usableCores,
      memoryBytes: usage.memoryBytes,
      memoryLimitBytes: usage.memoryLimitBytes,
    }
  }

  async #readProcesses(ticksPerSecond: number): Promise<readonly ResourceUsage[]> {
    const { logger } = this.#options
    const watched = new Map<number, WatchedProcess>()
    // Ours first: what telemetry or the settings say about the same process does not rename it.
    const sources = [
      () => [ownProcess()],
      this.#options.processes,
      () => this.#configured(),
      this.#options.discover,
    ]
    for (const source of sources) {
      try {
        for (const process of (await source?.()) ?? []) {
          if (!watched.has(process.pid)) watched.set(process.pid, process)
        }
      } catch (error) {
        logger.warn({ error }, 'some processes to watch are not known now')
      }
    }
    const rows = await Promise.all(
      [...watched.values()].map(process => this.#readProcess(process, ticksPerSecond)),
    )
    return rows.filter(row => row !== undefined)
  }

  async #readProcess(
    { pid, service, environment, heapBytes }: WatchedProcess,
    ticksPerSecond: number,
  ): Promise<ResourceUsage | undefined> {
    const usage = (await readProcessUsage(pid, ticksPerSecond)) ?? portableUsage(pid)
    if (usage === undefined) return undefined
    const nowUnixMs = this.#options.clock.nowUnixMs()
    const cores = this.#meter.cores(usage.identity, usage.cpuMs, nowUnixMs)
    if (cores === undefined) return undefined
    return {
      ...this.#emptyRow('process', nowUnixMs),
      environment,
      service,
      pid,
      cpuRatio: cores,
      memoryBytes: usage.memoryBytes,
      heapBytes: heapBytes ?? 0,
      threads: usage.threads,
      openFiles: usage.openFiles,
      diskReadBytes: usage.diskReadBytes,
      diskWriteBytes: usage.diskWriteBytes,
    }
  }

  async #configured(): Promise<readonly WatchedProcess[]> {
    const found: WatchedProcess[] = []
    for (const { service, environment, pid, pidFile } of this.#options.settings.processes) {
      const known = pid ?? (pidFile === undefined ? undefined : await readPidFile(pidFile))
      if (known !== undefined) found.push({ service, environment, pid: known })
    }
    return found
  }

  #emptyRow(scope: ResourceUsage['scope'], timestampUnixMs: number): ResourceUsage {
    return {
      environment: '',
      service: '',
      scope,
      host: this.#host,
      pid: 0,
      timestampUnixMs,
      cpuRatio: 0,
      memoryBytes: 0,
      memoryLimitBytes: 0,
      heapBytes: 0,
      threads: 0,
      openFiles: 0,
      diskReadBytes: 0,
      diskWriteBytes: 0,
      networkReceiveBytes: 0,
      networkTransmitBytes: 0,
    }
  }
}

function ownProcess(): WatchedProcess {
  const { heapUsed } = process.memoryUsage()
  return { service: OWN_SERVICE, environment: '', pid: process.pid, heapBytes: heapUsed }
}

/** Where there is no /proc: this process, by what Node tells. */
function portableUsage(pid: number): ProcessUsage | undefined {
  if (pid !== process.pid) return undefined
  const { user, system } = process.cpuUsage()
  return {
    identity: `${pid}`,
    cpuMs: (user + system) * MS_PER_US,
    memoryBytes: process.memoryUsage.rss(),
    threads: 0,
    openFiles: 0,
    diskReadBytes: 0,
    diskWriteBytes: 0,
  }
}

async function readPidFile(path: string): Promise<number | undefined> {
  const pid = Number.parseInt((await readText(path)) ?? '', 10)
  return pid > 0 ? pid : undefined
}

async function readTicksPerSecond(): Promise<number> {
  try {
    const { stdout } = await run('getconf', ['CLK_TCK'])
    return Number(stdout) > 0 ? Number(stdout) : USUAL_TICKS_PER_SECOND
  } catch {
    return USUAL_TICKS_PER_SECOND
  }
}
