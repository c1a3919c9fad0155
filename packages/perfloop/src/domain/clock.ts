/** Time is passed in, so that tests can move it. */
export interface Clock {
  nowUnixMs(): number
}

export const systemClock: Clock = { nowUnixMs: () => Date.now() }
