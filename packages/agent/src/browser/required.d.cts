// For CommonJS, whose `require` takes ES modules but whose types must not be those of one.
import type * as browser from './index.js' with { 'resolution-mode': 'import' }

export type * from './index.js' with { 'resolution-mode': 'import' }
export declare const startBrowserAgent: typeof browser.startBrowserAgent
