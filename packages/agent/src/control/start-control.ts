import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Agent } from '../agent.ts'
import type { AgentConfiguration } from '../agent-options.ts'
import { declarations } from '../declare/declarations.ts'
import type { SpanExporter } from '../export/span-exporter.ts'
import { resultHashes } from '../instrument/result-hash.ts'
import { headSampling } from '../record/head-sampling.ts'
import { Control } from './control.ts'
import type { Framework } from './control-message.ts'

/** Joins what the server may tell with the parts that do it. */
export function startControl(
  agent: Agent,
  exporter: SpanExporter,
  { longestFlushMs, samplingProbability, resultHashes: wanted }: AgentConfiguration,
): Control {
  const versions = new Map<string, string>()
  const control = new Control({
    agent,
    knobs: agent.knobs,
    post: message => exporter.sendControl(message),
    threads: () => exporter.threads,
    apply(settings) {
      const { flushIntervalMs } = settings ?? {}
      exporter.flushEvery(flushIntervalMs && Math.min(flushIntervalMs, longestFlushMs))
      exporter.limitQueue(settings?.maxQueuedBytes)
      headSampling.probability = Math.min(settings?.samplingProbability ?? 1, samplingProbability)
      if (wanted === 'server') resultHashes.areTold = settings?.resultHashes ?? false
    },
    frameworks: () => frameworks(versions),
  })
  control.start()
  return control
}

/** Those that declared something, with the version that the application's own folder has of them. */
function frameworks(versions: Map<string, string>): readonly Framework[] {
  const { routes, models } = declarations()
  const names = new Set(routes.map(({ framework }) => framework))
  for (const { mapper } of models) names.add(mapper)
  return [...names].map(name => {
    const version = versions.get(name) ?? versionOf(name)
    versions.set(name, version)
    return { name, version }
  })
}

function versionOf(name: string): string {
  try {
    const require = createRequire(join(process.cwd(), 'application.js'))
    const { version } = require(`${name}/package.json`) as { version?: unknown }
    return typeof version === 'string' ? version : ''
  } catch {
    return ''
  }
}
