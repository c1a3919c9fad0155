import { isPreloaded } from './preloaded.ts'
import { beginAgent, startAgent } from './start-agent.ts'

export type { AgentOptions } from './agent-options.ts'
export { defineKnob, type KnobBounds, type KnobDefinition } from './control/knobs.ts'
export { identifyWebSocketUsers, type WebSocketUser } from './measure/web-sockets.ts'
export { startAgent }

if (isPreloaded(import.meta.url)) await beginAgent()
