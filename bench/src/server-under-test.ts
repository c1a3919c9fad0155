import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../packages/perfloop/bin/perfloop.js', import.meta.url))

/** A real `perfloop serve` in processes of its own, on a real disk. */
export interface ServerUnderTest {
  readonly url: string
  readonly otlpHttpPort: number
  readonly otlpGrpcPort: number
  readonly dataDirectory: string
  readonly adminToken: string
  readonly startToReadyMs: number
  readonly pid: number
  /** Resident bytes of the server and all its children; shared pages counted once a process (RSS). */
  residentBytes(): number
  /** The same with shared pages shared out among those that map them (PSS). */
  proportionalBytes(): number
  /** CPU seconds used so far by the server and its living children. */
  cpuSeconds(): number
  /** Segments of the spool that hold telemetry. */
  spoolBytes(): number
  diskBytes(): number
  kill(signal: NodeJS.Signals): Promise<void>
  /** Stops it and waits for the end; the data stays until `removeData`. */
  stop(): Promise<void>
  removeData(): void
}

export interface ServerOptions {
  readonly directory: string | undefined
  readonly env?: Readonly<Record<string, string>>
  /** Use this data directory instead of a new one. */
  readonly dataDirectory?: string
}

export async function startServerUnderTest(options: ServerOptions): Promise<ServerUnderTest> {
  const parent = options.directory ?? join(process.cwd(), '.cache', 'bench')
  mkdirSync(parent, { recursive: true })
  const dataDirectory = options.dataDirectory ?? mkdtempSync(join(parent, 'data-'))
  const startedAt = performance.now()
  const child = spawn(
    process.execPath,
    [BIN, 'serve', '--data', dataDirectory, '--port', '0', '--otlp-http', '0', '--otlp-grpc', '0'],
    { env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const { url, otlpHttpPort, otlpGrpcPort } = await readAddresses(child)
  await untilHealthy(url)
  const startToReadyMs = performance.now() - startedAt
  const pid = child.pid ?? 0
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))

  return {
    url,
    otlpHttpPort,
    otlpGrpcPort,
    dataDirectory,
    adminToken: readFileSync(join(dataDirectory, 'admin-token'), 'utf8').trim(),
    startToReadyMs,
    pid,
    residentBytes: () => processTree(pid).reduce((sum, member) => sum + residentBytesOf(member), 0),
    proportionalBytes: () =>
      processTree(pid).reduce((sum, member) => sum + proportionalBytesOf(member), 0),
    cpuSeconds: () => processTree(pid).reduce((sum, member) => sum + cpuSecondsOf(member), 0),
    spoolBytes: () => folderBytes(join(dataDirectory, 'spool'), name => name.endsWith('.seg')),
    diskBytes: () => folderBytes(dataDirectory),
    async kill(signal) {
      child.kill(signal)
      await ended
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
    removeData: () => rmSync(dataDirectory, { recursive: true, force: true }),
  }
}

async function readAddresses(child: ChildProcess) {
  let output = ''
  child.stdout?.on('data', chunk => {
    output += String(chunk)
  })
  child.stderr?.on('data', chunk => {
    output += String(chunk)
  })
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 5) {
    const url = output.match(/(http:\/\/127\.0\.0\.1:\d+)\/?(?:#|\s)/)?.[1]
    const http = output.match(/OTLP\/HTTP\s+http:\/\/127\.0\.0\.1:(\d+)/)?.[1]
    const grpc = output.match(/OTLP\/gRPC\s+(?:http:\/\/)?127\.0\.0\.1:(\d+)/)?.[1]
    if (url !== undefined && http !== undefined && grpc !== undefined) {
      return { url, otlpHttpPort: Number(http), otlpGrpcPort: Number(grpc) }
    }
    if (child.exitCode !== null) break
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  throw new Error(`perfloop did not start:\n${output}`)
}

async function untilHealthy(url: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 5) {
    const response = await fetch(`${url}/api/v1/health`).catch(() => undefined)
    await response?.arrayBuffer()
    if (response?.ok) return
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  throw new Error('perfloop did not become ready')
}

function processTree(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap(task =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        .split(' ')
        .filter(Boolean)
        .map(Number),
    )
    return [pid, ...children.flatMap(processTree)]
  } catch {
    return []
  }
}

function residentBytesOf(pid: number): number {
  const kib = readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)?.[1]
  return Number(kib ?? 0) * 1024
}

function proportionalBytesOf(pid: number): number {
  const kib = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+)/m)?.[1]
  return Number(kib ?? 0) * 1024
}

const CLOCK_TICKS_PER_SECOND = 100

function cpuSecondsOf(pid: number): number {
  // After the command in parentheses: state is field 3, utime 14, stime 15 (proc(5)).
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
}

function folderBytes(folder: string, counts: (name: string) => boolean = () => true): number {
  let bytes = 0
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
      if (entry.isFile() && counts(entry.name)) {
        // Blocks, not length: what the disk really holds, as `du` says.
        bytes +=
          (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.blocks ?? 0) *
          512
      }
    }
  } catch {
    return bytes
  }
  return bytes
}
