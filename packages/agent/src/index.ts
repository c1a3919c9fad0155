import { createRequire } from 'node:module'
import type * as ApplicationSide from './application-side.ts'

export type {
  AgentOptions,
  KnobBounds,
  KnobDefinition,
  WebSocketUser,
} from './application-side.ts'

// An `import` of CommonJS would read all of it once more, for the names that it exports.
const agent = createRequire(import.meta.url)('./agent.cjs') as typeof ApplicationSide
export const { defineKnob, identifyWebSocketUsers, startAgent } = agent

if (agent.isPreloaded(import.meta.url)) await agent.beginAgent()
