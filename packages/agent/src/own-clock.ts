// Time as it really is. Tests put clocks of their own into the place of Node's, which stand still and list every timer:
// what the agent needs is taken before, when it is loaded.

import { performance } from 'node:perf_hooks'

/** Milliseconds since this thread began. */
export const clockMs = performance.now.bind(performance)
/** The Unix time at zero of that. */
export const { timeOrigin } = performance
export const unixMs = Date.now
export const { hrtime } = process
export const eventLoopUtilization = performance.eventLoopUtilization.bind(performance)
export const { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } = globalThis
