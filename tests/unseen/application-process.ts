import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { eventually, type PerfloopProcess, stop } from '../perfloop-process.ts'

export interface ApplicationProcess extends AsyncDisposable {
  readonly url: string
  readonly service: string
  /** GETs each path so many times, a few at a time, and reads the answers. */
  request(path: string | ((n: number) => string), times: number): Promise<void>
}

export interface ApplicationStart {
  readonly perfloop: PerfloopProcess
  readonly service: string
  readonly command: readonly [program: string, ...args: string[]]
  env(port: number): Readonly<Record<string, string>>
}

const AT_ONCE = 2

/** A stranger's application with the environment that OpenTelemetry's own documentation asks for. */
export async function startApplication(start: ApplicationStart): Promise<ApplicationProcess> {
  const { perfloop, service } = start
  const port = await freePort()
  const [program, ...args] = start.command
  const child: ChildProcess = spawn(program, args, {
    env: {
      ...process.env,
      OTEL_SERVICE_NAME: service,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_ENDPOINT: perfloop.otlpHttpUrl,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=development',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      OTEL_BSP_SCHEDULE_DELAY: '200',
      ...start.env(port),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const keep = (chunk: unknown) => {
    output = `${output}${String(chunk)}`.slice(-20_000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const url = `http://127.0.0.1:${port}`
  await eventually(
    service,
    async () => {
      if (child.exitCode !== null) throw new Error(output)
      await (await fetch(`${url}/nothing-here`)).arrayBuffer()
      return true
    },
    90_000,
  )
  return {
    url,
    service,
    async request(path, times) {
      let next = 0
      const one = async () => {
        while (next < times) {
          const n = next++
          const response = await fetch(url + (typeof path === 'string' ? path : path(n)))
          await response.arrayBuffer()
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, one))
    },
    [Symbol.asyncDispose]: () => stop(child),
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
