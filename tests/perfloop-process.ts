import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../packages/perfloop/bin/perfloop.js', import.meta.url))

/** A real `perfloop serve`, as a user starts it, on free ports and a directory of its own. */
export interface PerfloopProcess extends AsyncDisposable {
  readonly url: string
  readonly otlpHttpUrl: string
  readonly otlpGrpcPort: number
  readonly dataDirectory: string
  readonly adminToken: string
  readonly pid: number
  /** The envelope's `data` (and the whole envelope) of a GET below /api/v1. */
  get(path: string): Promise<{ data: unknown; [key: string]: unknown }>
  send(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>
  output(): string
}

export async function startPerfloop(
  options: { env?: Record<string, string>; dataDirectory?: string; port?: number } = {},
): Promise<PerfloopProcess> {
  const dataDirectory = options.dataDirectory ?? mkdtempSync(join(tmpdir(), 'perfloop-e2e-'))
  const child = spawn(
    process.execPath,
    [
      ...[BIN, 'serve', '--data', dataDirectory, '--port', String(options.port ?? 0)],
      ...['--otlp-http', '0', '--otlp-grpc', '0'],
    ],
    { env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  child.stdout.on('data', chunk => (output += String(chunk)))
  child.stderr.on('data', chunk => (output += String(chunk)))
  const addresses = await addressesOf(child, () => output)
  const adminToken = readFileSync(join(dataDirectory, 'admin-token'), 'utf8').trim()
  const authorization = `Bearer ${adminToken}`

  return {
    ...addresses,
    dataDirectory,
    adminToken,
    pid: child.pid ?? 0,
    output: () => output,
    async get(path) {
      const response = await fetch(`${addresses.url}/api/v1${path}`, { headers: { authorization } })
      const body = (await response.json()) as { data: unknown }
      if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(body)}`)
      return body
    },
    async send(method, path, body) {
      const response = await fetch(`${addresses.url}/api/v1${path}`, {
        method,
        headers: { authorization, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: response.status, body: await response.json() }
    },
    async [Symbol.asyncDispose]() {
      await stop(child)
      if (options.dataDirectory === undefined)
        rmSync(dataDirectory, { recursive: true, force: true })
    },
  }
}

/** Waits until `question` answers something other than undefined; what it waits for is in the error. */
export async function eventually<T>(
  what: string,
  question: () => Promise<T | undefined>,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  let last: unknown
  while (Date.now() < deadline) {
    try {
      const answer = await question()
      if (answer !== undefined) return answer
    } catch (error) {
      last = error
    }
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause: last })
}

async function addressesOf(child: ChildProcess, output: () => string) {
  const find = (pattern: RegExp) => output().match(pattern)?.[1]
  return eventually('perfloop to print its addresses', async () => {
    if (child.exitCode !== null) throw new Error(`perfloop ended: ${output()}`)
    const url = find(/(http:\/\/127\.0\.0\.1:\d+)\/?(?:#|\s)/)
    const otlpHttpUrl = find(/OTLP\/HTTP\s+(http:\/\/127\.0\.0\.1:\d+)/)
    const grpc = find(/OTLP\/gRPC\s+(?:http:\/\/)?127\.0\.0\.1:(\d+)/)
    if (url === undefined || otlpHttpUrl === undefined || grpc === undefined) return undefined
    return { url, otlpHttpUrl, otlpGrpcPort: Number(grpc) }
  })
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}
