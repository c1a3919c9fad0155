import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { fileURLToPath } from 'node:url'
import { type SpanReceiver, startSpanReceiver } from './span-receiver.ts'
import type { Variant } from './variants.ts'

const APPLICATION = fileURLToPath(new URL('./application.js', import.meta.url))
const TICKS_PER_SECOND = 100
const MOST_SOCKETS = 64

/** The application under one agent, in a process of its own, and whom that agent sends to. */
export interface MeasuredApplication {
  readonly variant: Variant
  readonly receiver: SpanReceiver
  /** From the start of the process to the port being open. */
  readonly startMs: number
  /** User and system time of all threads so far. */
  cpuSeconds(): number
  residentMb(): number
  /** Milliseconds that the answer took; rejects when there is none or it tells a failure. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<number>
  /** What the application itself knows; see application.ts. */
  ask(question: {
    readonly ask: string
    readonly ms?: number
  }): Promise<Readonly<Record<string, number>>>
  end(): Promise<void>
}

export async function startApplication(
  variant: Variant,
  { node, database, endpoint }: { node: string; database: string; endpoint?: string },
): Promise<MeasuredApplication> {
  const receiver = await startSpanReceiver(variant.protocol)
  const startedAt = performance.now()
  const child = spawn(node, [...variant.nodeOptions, APPLICATION], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      AGENT_BENCH_DATABASE: database,
      AGENT_BENCH_RECEIVER: receiver.url,
      OTEL_SERVICE_NAME: 'baskets',
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint ?? receiver.url,
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      ...variant.env,
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const { port = 0 } = await messageOf(child)
  const startMs = performance.now() - startedAt
  const pid = child.pid ?? 0
  const agent = new Agent({ keepAlive: true, maxSockets: MOST_SOCKETS })
  return {
    variant,
    receiver,
    startMs,
    cpuSeconds() {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
    },
    residentMb() {
      const found = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
      return Number(found?.[1] ?? 0) / 1024
    },
    get: (path, headers = {}) =>
      new Promise((resolve, reject) => {
        const beganAt = performance.now()
        const ask = () => {
          const request = get({ host: '127.0.0.1', port, path, agent, headers }, response => {
            response.resume().on('end', () => {
              if (response.statusCode === 200) resolve(performance.now() - beganAt)
              else reject(new Error(`${variant.name}: ${path} answers ${response.statusCode}`))
            })
          })
          request.on('error', (error: NodeJS.ErrnoException) => {
            // A server closes connections that nobody uses for five seconds, at times just when somebody does again: any
            // client asks once more then (RFC 9112, section 9.3.1).
            if (request.reusedSocket && error.code === 'ECONNRESET') ask()
            else reject(error)
          })
        }
        ask()
      }),
    ask(question) {
      const answer = messageOf(child)
      child.send(question)
      return answer
    },
    async end() {
      const ended = new Promise(resolve => child.on('exit', resolve))
      child.disconnect()
      await ended
      agent.destroy()
      receiver.close()
    },
  }
}

function messageOf(child: ChildProcess): Promise<Readonly<Record<string, number>>> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`the application ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', message => {
      child.off('exit', onExit)
      resolve(message as Readonly<Record<string, number>>)
    })
  })
}
