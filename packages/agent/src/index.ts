import { isMainThread, workerData } from 'node:worker_threads'
import { startAgent } from './start-agent.ts'

export type { AgentOptions } from './agent-options.ts'
export { startAgent }

/** Whether this is what `node --import @perfloop/agent` has loaded, and not an import in code. */
function isPreloaded(): boolean {
  const own = new URL(import.meta.url).pathname
  const isOurs = (argument: string) =>
    argument.includes('@perfloop/agent') || argument.includes(own)
  return [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)].some(isOurs)
}

const isExportThread =
  !isMainThread && (workerData as { perfloopExport?: true } | null)?.perfloopExport
if (isPreloaded() && isExportThread !== true) startAgent()
