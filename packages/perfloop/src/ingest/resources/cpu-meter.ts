/**
 * Turns cumulative CPU time into cores used since the last reading of the same thing. A first reading, and
 * one of a process that took over the number of another, has nothing to compare with: undefined.
 */
export class CpuMeter {
  #readings = new Map<string, { readonly cpuMs: number; readonly atMs: number }>()
  #seen = new Set<string>()

  /** `identity` must differ between two processes that had the same pid one after the other. */
  cores(identity: string, cpuMs: number, atMs: number): number | undefined {
    const before = this.#readings.get(identity)
    this.#readings.set(identity, { cpuMs, atMs })
    this.#seen.add(identity)
    if (before === undefined || atMs <= before.atMs) return undefined
    return Math.max(0, cpuMs - before.cpuMs) / (atMs - before.atMs)
  }

  /** Forgets what was not read since the last call. */
  forgetUnseen(): void {
    for (const identity of this.#readings.keys()) {
      if (!this.#seen.has(identity)) this.#readings.delete(identity)
    }
    this.#seen = new Set()
  }
}
