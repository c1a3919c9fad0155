import { writeSync } from 'node:fs'
import type { Agent } from './agent.ts'
import { type AgentOptions, readConfiguration } from './agent-options.ts'
import { SpanExporter } from './export/span-exporter.ts'
import { instrumentExpress } from './instrument/express.ts'
import { instrumentFetch } from './instrument/fetch.ts'
import { instrumentHttpClient } from './instrument/http-client.ts'
import { instrumentHttpServer } from './instrument/http-server.ts'
import { hookModules, type ModulePatch } from './instrument/module-hook.ts'
import { instrumentPg, instrumentPgPool } from './instrument/pg.ts'
import { SpanRecorder } from './record/span-recorder.ts'

const STARTED = Symbol.for('perfloop.agent')

/**
 * Begins to measure this process; what it loads later is instrumented as it is loaded, so call it first. Called
 * again it does nothing. It never throws: what does not work is told on standard error, and the application runs on.
 */
export function startAgent(options: AgentOptions = {}): void {
  const shared = globalThis as { [STARTED]?: true }
  if (shared[STARTED] || process.env.OTEL_SDK_DISABLED === 'true') return
  shared[STARTED] = true
  try {
    const { target, flushIntervalMs } = readConfiguration(options, process.env)
    const exporter = new SpanExporter({ target, flushIntervalMs, onProblem: tell })
    const recorder = new SpanRecorder(exporter)
    exporter.recorder = recorder
    instrument({ recorder, report: reportOnce() })
    process.on('exit', () => {
      try {
        exporter.finish()
      } catch {
        // The process ends all the same.
      }
    })
  } catch (error) {
    tell(`does not measure this process: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function instrument(agent: Agent): void {
  const patch = (file: string, apply: (agent: Agent, exports: object) => void) => ({
    file,
    patch: ((exports: object) => apply(agent, exports)) satisfies ModulePatch,
  })
  hookModules(
    new Map([
      ['express', patch('index.js', instrumentExpress)],
      ['pg', patch('lib/index.js', instrumentPg)],
      ['pg-pool', patch('index.js', instrumentPgPool)],
    ]),
    agent.report,
  )
  instrumentHttpServer(agent)
  instrumentHttpClient(agent)
  instrumentFetch(agent)
}

function reportOnce(): Agent['report'] {
  const told = new Set<string>()
  return (where, error) => {
    if (told.has(where)) return
    told.add(where)
    tell(`${where}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
}

/** Straight to the descriptor: an `error` event of a closed stream would end the host. */
function tell(problem: string): void {
  try {
    writeSync(STANDARD_ERROR, `perfloop agent: ${problem}\n`)
  } catch {
    // Nobody is there to read it.
  }
}

const STANDARD_ERROR = 2
