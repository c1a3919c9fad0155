// What `require` gives: without an `await` at its top, which would not let it.
import { createRequire } from 'node:module'
import type * as ApplicationSide from './application-side.ts'

export type {
  AgentOptions,
  KnobBounds,
  KnobDefinition,
  WebSocketUser,
} from './application-side.ts'

const agent = createRequire(import.meta.url)('./agent.cjs') as typeof ApplicationSide
export const { defineKnob, identifyWebSocketUsers, startAgent } = agent

if (agent.isPreloaded(import.meta.url)) agent.startAgent()
