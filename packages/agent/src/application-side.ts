// All of the agent that runs in the application's threads, which is built into one file of CommonJS: each file that
// has to be found and read, and each module of Node whose names are all looked up for an `import`, delays the application.
export type { AgentOptions } from './agent-options.ts'
export { defineKnob, type KnobBounds, type KnobDefinition } from './control/knobs.ts'
// For our tests: what a running agent knows to be declared.
export { declarations } from './declare/declarations.ts'
export { identifyWebSocketUsers, type WebSocketUser } from './measure/web-sockets.ts'
export { isPreloaded } from './preloaded.ts'
export { beginAgent, startAgent } from './start-agent.ts'
