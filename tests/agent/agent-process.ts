import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))

export interface AgentProcess extends AsyncDisposable {
  readonly url: string
  readonly process: ChildProcess
  readonly exited: Promise<number | null>
  readonly standardError: () => string
  get(path: string): Promise<string>
}

/** The Node versions that the agent promises; those beside ours are installed with its tests. */
export const NODES: readonly (readonly [version: string, path: string])[] = [
  ['20', process.execPath],
  ...['22', '24', '26'].map(
    version => [version, join(here, `nodes/node_modules/node${version}/bin/node`)] as const,
  ),
]

/** An application of `ecosystem/` with the agent, once it has printed its port. It ends on `/exit`. */
export async function startWithAgent(
  file: string,
  endpoint: string,
  options: {
    node?: string
    env?: Record<string, string>
    flags?: readonly string[]
    cwd?: string
    bare?: boolean
  } = {},
): Promise<AgentProcess> {
  const child = spawn(
    options.node ?? process.execPath,
    [
      ...(options.flags ?? []),
      ...(options.bare ? [] : ['--import', '@perfloop/agent']),
      join(here, 'ecosystem', file),
    ],
    {
      env: {
        ...process.env,
        OTEL_SERVICE_NAME: 'watched',
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        PERFLOOP_FLUSH_INTERVAL_MS: '50',
        OTEL_METRIC_EXPORT_INTERVAL: '300',
        // The machine may be so busy with other tests that recording seems to take long.
        PERFLOOP_COST_BUDGET_PERCENT: '100',
        ...options.env,
      },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let standardError = ''
  child.stderr.on('data', chunk => {
    standardError += chunk
  })
  const exited = new Promise<number | null>(resolve => child.on('exit', resolve))
  const port = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', line => {
      if (line.startsWith('port ')) resolve(line.slice(5))
    })
    child.on('exit', () => reject(new Error(`the application ended: ${standardError}`)))
  })
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    process: child,
    exited,
    standardError: () => standardError,
    get: async path => (await fetch(url + path)).text(),
    async [Symbol.asyncDispose]() {
      await fetch(`${url}/exit`).catch(() => {})
      const patience = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await exited
      clearTimeout(patience)
    },
  }
}
