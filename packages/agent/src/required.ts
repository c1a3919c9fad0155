// What `require` gives: without an `await` at its top, which would not let it.
import { isPreloaded } from './preloaded.ts'
import { startAgent } from './start-agent.ts'

export type { AgentOptions } from './agent-options.ts'
export { startAgent }

if (isPreloaded(import.meta.url)) startAgent()
