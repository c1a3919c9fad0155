import { openSync, readSync } from 'node:fs'

/** Three numbers; the longest has 20 digits. */
const LONGEST = 64
const SPACE = 0x20
const ZERO = 0x30

/**
 * How long the application's thread was ready to run, and the machine let others run: what the scheduler of Linux tells
 * in the second number of /proc/self/schedstat (https://docs.kernel.org/scheduler/sched-stats.html). Elsewhere nobody
 * tells. The file stays open: reading it so takes some microseconds.
 */
export class CpuWait {
  readonly #file: number | undefined
  readonly #bytes = new Uint8Array(LONGEST)

  constructor() {
    try {
      this.#file = openSync('/proc/self/schedstat', 'r')
    } catch {
      // No Linux, or a kernel that does not count.
    }
  }

  /** Milliseconds since the process began; NaN where nobody tells. */
  readMs(): number {
    if (this.#file === undefined) return Number.NaN
    try {
      return secondNumber(this.#bytes, readSync(this.#file, this.#bytes, 0, LONGEST, 0)) / 1e6
    } catch {
      return Number.NaN
    }
  }
}

function secondNumber(bytes: Uint8Array, length: number): number {
  const from = bytes.indexOf(SPACE) + 1
  const end = bytes.indexOf(SPACE, from)
  if (from === 0 || end < 0 || end > length) return Number.NaN
  let number = 0
  for (let at = from; at < end; at++) number = number * 10 + ((bytes[at] as number) - ZERO)
  return number
}
