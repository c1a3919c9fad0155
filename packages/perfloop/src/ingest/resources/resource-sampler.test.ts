import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, linkSync, mkdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Session } from 'chdb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../domain/clock.ts'
import { silentLogger } from '../../domain/logger.ts'
import { defaultSettings } from '../../settings/settings.ts'
import { splitStatements } from '../../store/telemetry/split-statements.ts'
import { readContainerUsage } from './container-usage.ts'
import { CpuMeter } from './cpu-meter.ts'
import { encodeResourceUsage } from './encode-resource-usage.ts'
import { readHostUsage } from './host-usage.ts'
import { readProcessUsage } from './process-usage.ts'
import { type ResourceSamplerOptions, startResourceSampler } from './resource-sampler.ts'
import type { ResourceUsage } from './resource-usage.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'perfloop-resources-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const onLinux = existsSync('/proc/self/io')

function sampler(changes: Partial<ResourceSamplerOptions> = {}) {
  const written: ResourceUsage[] = []
  const resources = startResourceSampler({
    settings: { ...defaultSettings().resources, intervalMs: 60_000 },
    write: async rows => void written.push(...rows),
    logger: silentLogger,
    clock: systemClock,
    ...changes,
  })
  return { resources, written }
}

/** A process that keeps half a core and some memory busy, and writes to disk. */
function busyProcess() {
  const program = `
    const { openSync, writeSync, fsyncSync } = require('node:fs')
    const held = Buffer.alloc(60e6, 1)
    const file = openSync(${JSON.stringify(join(directory, 'written'))}, 'w')
    writeSync(file, Buffer.alloc(3e6, 2)); fsyncSync(file)
    console.log('ready')
    setInterval(() => { const end = performance.now() + 50; while (performance.now() < end); held[0]++ }, 100)
  `
  return spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
}

describe.runIf(onLinux)('a watched process', () => {
  it('is reported as the system reports it: memory within 2 %, CPU within 5 points, disk bytes exactly', async () => {
    const child = busyProcess()
    try {
      await once(child.stdout, 'data')
      const pid = child.pid ?? 0
      const { resources } = sampler({
        processes: () => [{ service: 'worker', environment: 'test', pid }],
      })
      await resources.sample()
      const differences: { memory: number; cpu: number }[] = []
      for (let reading = 0; reading < 5; reading++) {
        const ticksBefore = cpuTicks(pid)
        const startedMs = performance.now()
        await resources.sample()
        await sleep(400)
        const rows = await resources.sample()
        const tookMs = performance.now() - startedMs
        const cpu = ((cpuTicks(pid) - ticksBefore) * 10) / tookMs
        const row = rows.find(found => found.pid === pid)
        const kib = Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString())
        differences.push({
          memory: Math.abs((row?.memoryBytes ?? 0) / (kib * 1_024) - 1),
          cpu: Math.abs((row?.cpuRatio ?? 0) - cpu),
        })
        expect(row).toMatchObject({ service: 'worker', environment: 'test', scope: 'process' })
        expect(row?.threads).toBeGreaterThan(1)
        expect(row?.openFiles).toBeGreaterThan(3)
        expect(row?.diskWriteBytes).toBe(ioBytes(pid, 'write_bytes'))
        expect(row?.diskReadBytes).toBe(ioBytes(pid, 'read_bytes'))
        expect(row?.diskWriteBytes).toBeGreaterThanOrEqual(3e6)
      }
      // The middle one: reading the same counters a moment apart differs by a tick now and then.
      const middle = (of: 'memory' | 'cpu') =>
        differences.map(difference => difference[of]).sort((a, b) => a - b)[2]
      expect(middle('memory')).toBeLessThan(0.02)
      expect(middle('cpu')).toBeLessThan(0.05)
      await resources.close()
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('may be named by a pid file, and is left out when it is gone', async () => {
    const pidFile = join(directory, 'worker.pid')
    await writeFile(pidFile, `${process.ppid}\n`)
    const processes = [
      { service: 'parent', environment: 'test', pidFile },
      { service: 'gone', environment: 'test', pid: 2 ** 22 },
      { service: 'unwritten', environment: 'test', pidFile: join(directory, 'none.pid') },
    ]
    const { resources } = sampler({
      settings: { intervalMs: 60_000, processes },
      discover: () => [{ service: 'renamed', environment: 'test', pid: process.pid }],
    })
    await resources.sample()
    await sleep(5)
    const rows = await resources.sample()
    const services = rows.filter(row => row.scope === 'process').map(row => row.service)
    expect(services).toEqual(['perfloop', 'parent'])
    await resources.close()
  })

  it('is not watched any longer than the source that named it can be asked', async () => {
    const warnings: string[] = []
    const { resources } = sampler({
      discover: () => Promise.reject(new Error('the store is away')),
      logger: { ...silentLogger, warn: (_fields, message) => void warnings.push(message) },
    })
    await resources.sample()
    await sleep(5)
    const rows = await resources.sample()
    expect(rows.find(row => row.service === 'perfloop')?.heapBytes).toBeGreaterThan(1e6)
    expect(warnings[0]).toMatch(/not known now/)
    await resources.close()
  })
})

describe('the sampler', () => {
  it('writes at its interval: host and own process, with the units of the table', async () => {
    const { resources, written } = sampler({
      settings: { ...defaultSettings().resources, intervalMs: 30 },
    })
    await expect.poll(() => written.length, { timeout: 10_000 }).toBeGreaterThan(4)
    await resources.close()
    const host = written.find(row => row.scope === 'host')
    expect(host).toMatchObject({ host: hostname(), pid: 0, service: '', environment: '' })
    expect(host?.memoryBytes).toBeLessThan(host?.memoryLimitBytes ?? 0)
    expect(host?.cpuRatio).toBeLessThanOrEqual(1)
  })

  it('goes on when a sample cannot be written', async () => {
    const warnings: string[] = []
    let calls = 0
    const { resources } = sampler({
      settings: { ...defaultSettings().resources, intervalMs: 20 },
      write: () => {
        calls++
        return Promise.reject(new Error('no receiver'))
      },
      logger: { ...silentLogger, warn: (_fields, message) => void warnings.push(message) },
    })
    await expect.poll(() => calls, { timeout: 10_000 }).toBeGreaterThan(1)
    await resources.close()
    expect(warnings[0]).toMatch(/missing/)
  })
})

describe('CPU time', () => {
  it('needs two readings of the same process and forgets those that are gone', () => {
    const meter = new CpuMeter()
    expect(meter.cores('1 100', 1_000, 0)).toBeUndefined()
    expect(meter.cores('1 100', 1_500, 1_000)).toBe(0.5)
    expect(meter.cores('1 200', 5, 2_000)).toBeUndefined()
    meter.forgetUnseen()
    meter.forgetUnseen()
    expect(meter.cores('1 100', 9_000, 3_000)).toBeUndefined()
  })
})

describe('files of the kernel', () => {
  it('name the host’s busy time, memory in use, whole disks and outer networks', async () => {
    await files('proc', {
      stat: 'cpu  100 10 50 1000 20 3 4 5 7 0\ncpu0 50 5 25 500 10 1 2 2 0 0\ncpu1 50 5 25 500 10 2 2 3 0 0\n',
      meminfo: 'MemTotal:       1000 kB\nMemFree: 100 kB\nMemAvailable:    400 kB\n',
      diskstats:
        '   8 0 sda 1 0 10 0 1 0 20 0\n   8 1 sda1 1 0 5 0 1 0 9 0\n 259 0 nvme0n1 1 0 1 0 1 0 2 0\n 259 1 nvme0n1p1 1 0 1 0 1 0 2 0\n   7 0 loop0 1 0 100 0 0 0 0 0\n',
      'net/dev':
        'Inter-| Receive | Transmit\n face |bytes\n    lo: 500 0 0 0 0 0 0 0 500 0\n  eth0: 70 1 0 0 0 0 0 0 80 1\n',
    })
    expect(await readHostUsage(100, join(directory, 'proc'))).toEqual({
      busyMs: 1_720,
      cores: 2,
      memoryBytes: 600 * 1_024,
      memoryLimitBytes: 1_000 * 1_024,
      diskReadBytes: 11 * 512,
      diskWriteBytes: 22 * 512,
      networkReceiveBytes: 70,
      networkTransmitBytes: 80,
    })
  })

  it('are replaced by what Node tells where there are none', async () => {
    const usage = await readHostUsage(100, join(directory, 'nowhere'))
    expect(usage.memoryLimitBytes).toBeGreaterThan(usage.memoryBytes)
    expect(usage.cores).toBeGreaterThan(0)
    expect(await readProcessUsage(1, 100, join(directory, 'nowhere'))).toBeUndefined()
  })

  it('tell a process by number and start, whatever its name holds', async () => {
    const after = 'S 1 1 1 0 -1 0 0 0 0 0 250 150 0 0 20 0 3 0 777 0 0'
    await files('proc/42', {
      stat: `42 (a (b) c) ${after}`,
      status: 'Name:\ta (b) c\nVmRSS:\t  2048 kB\nThreads:\t3\n',
    })
    expect(await readProcessUsage(42, 100, join(directory, 'proc'))).toEqual({
      identity: '42 777',
      cpuMs: 4_000,
      memoryBytes: 2_048 * 1_024,
      threads: 3,
      openFiles: 0,
      diskReadBytes: 0,
      diskWriteBytes: 0,
    })
  })

  it('count open files without holding up anything else, and not forever', async () => {
    const fd = join(directory, 'proc/43/fd')
    mkdirSync(fd, { recursive: true })
    await files('proc/43', {
      stat: `43 (busy) S 1 1 1 0 -1 0 0 0 0 0 250 150 0 0 20 0 3 0 777 0 0`,
      status: 'VmRSS:\t  2048 kB\nThreads:\t3\n',
    })
    for (let n = 0; n < 20_000; n++) linkSync(join(directory, 'proc/43/stat'), join(fd, `${n}`))
    let turns = 0
    const turning = setInterval(() => turns++, 0)
    const usage = await readProcessUsage(43, 100, join(directory, 'proc'))
    clearInterval(turning)
    expect(usage?.openFiles).toBe(20_000)
    expect(turns).toBeGreaterThan(3)
  })

  it('tell the limits of a container, cgroup version 2', async () => {
    await files('v2/proc/self', { cgroup: '0::/app\n' })
    await files('v2/cgroup/app', {
      'cpu.stat': 'usage_usec 5000000\nuser_usec 1\n',
      'cpu.max': '150000 100000\n',
      'memory.current': '1000000\n',
      'memory.max': '2000000\n',
    })
    expect(await container('v2')).toEqual({
      cpuMs: 5_000,
      limitCores: 1.5,
      memoryBytes: 1_000_000,
      memoryLimitBytes: 2_000_000,
    })
    await files('v2/cgroup/app', { 'cpu.max': 'max 100000\n', 'memory.max': 'max\n' })
    expect(await container('v2')).toBeUndefined()
  })

  it('tell the limits of a container, cgroup version 1', async () => {
    await files('v1/proc/self', { cgroup: '4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n' })
    await files('v1/cgroup', {
      'memory/memory.usage_in_bytes': '1000',
      'memory/memory.limit_in_bytes': '9223372036854771712',
      'cpuacct/cpuacct.usage': '3000000',
      'cpu/cpu.cfs_quota_us': '50000',
      'cpu/cpu.cfs_period_us': '100000',
    })
    expect(await container('v1')).toEqual({
      cpuMs: 3,
      limitCores: 0.5,
      memoryBytes: 1_000,
      memoryLimitBytes: 0,
    })
  })

  async function container(name: string) {
    return readContainerUsage(join(directory, name, 'proc'), join(directory, name, 'cgroup'))
  }

  async function files(folder: string, contents: Record<string, string>): Promise<void> {
    for (const [name, content] of Object.entries(contents)) {
      const path = join(directory, folder, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, content)
    }
  }
})

describe('a Native block of resource usage', () => {
  it('is read by the engine as the rows it was made of', async () => {
    const row: ResourceUsage = {
      environment: 'test',
      service: 'wörker',
      scope: 'process',
      host: 'h',
      pid: 4_000_000_000,
      timestampUnixMs: 1_700_000_000_123,
      cpuRatio: 0.25,
      memoryBytes: 5e12,
      memoryLimitBytes: 1,
      heapBytes: 2,
      threads: 3,
      openFiles: 4,
      diskReadBytes: 5,
      diskWriteBytes: 6,
      networkReceiveBytes: 7,
      networkTransmitBytes: 8,
    }
    const block = encodeResourceUsage([row, { ...row, service: 's'.repeat(200) }])
    const file = join(directory, 'usage.native')
    await writeFile(file, block.bytes)
    const session = new Session()
    const schema = readFileSync(
      new URL('../../store/telemetry/schema/0004-metrics.sql', import.meta.url),
      'utf8',
    )
    const create = splitStatements(schema).find(sql => sql.includes('resource_usage')) ?? ''
    await session.queryAsync('CREATE DATABASE d')
    await session.queryAsync('USE d')
    await session.queryAsync(create)
    await session.queryAsync(
      `INSERT INTO resource_usage (${block.columns.join()}) SELECT ${block.columns.join()} FROM file('${file}', 'Native')`,
    )
    const result = await session.queryAsync(
      'SELECT * FROM resource_usage ORDER BY length(service)',
      { format: 'JSONEachRow' },
    )
    const [first, second] = result
      .text()
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(first).toMatchObject({
      service: 'wörker',
      pid: 4_000_000_000,
      timestamp: '2023-11-14 22:13:20.123',
      cpu_ratio: 0.25,
      memory_bytes: 5e12,
      network_transmit_bytes: 8,
    })
    expect(second.service).toHaveLength(200)
    session.cleanup()
  })
})

/** User and system time of all threads, in ticks of 10 ms (proc(5), fields 14 and 15). */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

function ioBytes(pid: number, name: string): number {
  const line = readFileSync(`/proc/${pid}/io`, 'utf8')
    .split('\n')
    .find(found => found.startsWith(`${name}:`))
  return Number(line?.split(': ')[1])
}
