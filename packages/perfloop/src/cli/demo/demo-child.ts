import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { PerfloopError } from '../../domain/perfloop-error.ts'

export interface DemoChildOptions {
  readonly name: string
  /** Loaded before the entry, as `node --import` does. */
  readonly preload?: string
  readonly env: Readonly<Record<string, string>>
}

export interface DemoChild {
  readonly name: string
  readonly pid: number
  /** Resolves when the process has ended, wanted or not, with what it said last. */
  readonly ended: Promise<string>
  /** The first message that the process sends; fails when it ends before. */
  firstMessage(): Promise<unknown>
  /** Asks it to end by closing the channel, and insists after a while. */
  stop(): Promise<void>
}

const STOP_MS = 5_000
/** What is kept of a process's output, to be told when it fails. */
const KEPT_OUTPUT = 4_000

/** What measures the shop: Perfloop's own agent, or the stock OpenTelemetry SDK. */
export type DemoTelemetry = 'agent' | 'opentelemetry'

/** Of the workspace's demo package, which a published `perfloop` does not bring. */
export function demoEntry(name: 'shop' | 'load' | `telemetry/${DemoTelemetry}`): string {
  try {
    return createRequire(import.meta.url).resolve(`@perfloop/demo/${name}`)
  } catch (cause) {
    throw new PerfloopError('DEMO_MISSING', { entry: name }, cause)
  }
}

/** A part of the demo in a process of its own, tied to ours: it ends when its channel to us does. */
export function startDemoChild(entry: string, options: DemoChildOptions): DemoChild {
  const child = fork(entry, {
    execArgv: options.preload === undefined ? [] : ['--import', options.preload],
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-KEPT_OUTPUT)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(String(error)))
    child.once('exit', (code, signal) => resolve(`exit ${code ?? signal}\n${output}`))
  })
  const firstMessage = new Promise<unknown>((resolve, reject) => {
    child.once('message', resolve)
    void ended.then(last =>
      reject(new PerfloopError('DEMO_PART_FAILED', { part: options.name, last })),
    )
  })
  firstMessage.catch(() => {})
  return {
    name: options.name,
    pid: child.pid ?? 0,
    ended,
    firstMessage: () => firstMessage,
    stop: () => stopChild(child),
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  if (child.connected) child.disconnect()
  const patience = new AbortController()
  const insist = sleep(STOP_MS, undefined, { signal: patience.signal }).then(
    () => child.kill('SIGKILL'),
    () => {},
  )
  await exited
  patience.abort()
  await insist
}

export const ShopReady = z.object({
  ready: z.literal(true),
  url: z.string(),
  planted: z.array(z.object({ fault: z.string(), what: z.string() })),
})
export type ShopReady = z.output<typeof ShopReady>
