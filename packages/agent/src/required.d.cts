// What `require` gives has types of its own, since CommonJS must not import those of an ES module.
import type * as agent from './index.js' with { 'resolution-mode': 'import' }

export type * from './index.js' with { 'resolution-mode': 'import' }
export declare const defineKnob: typeof agent.defineKnob
export declare const identifyWebSocketUsers: typeof agent.identifyWebSocketUsers
export declare const startAgent: typeof agent.startAgent
