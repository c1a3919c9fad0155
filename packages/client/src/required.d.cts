// For CommonJS, whose `require` takes ES modules but whose types must not be those of one.
import type * as client from './index.js' with { 'resolution-mode': 'import' }

export type * from './index.js' with { 'resolution-mode': 'import' }
export declare const ApiFailure: typeof client.ApiFailure
export type ApiFailure = client.ApiFailure
export declare const createPerfloopClient: typeof client.createPerfloopClient
export declare const openLiveStream: typeof client.openLiveStream
