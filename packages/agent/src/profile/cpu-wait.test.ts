import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CpuWait } from './cpu-wait.ts'

describe('how long the process waited for a CPU', () => {
  it.runIf(existsSync('/proc/self/schedstat'))('only grows, where the system tells it', () => {
    const wait = new CpuWait()
    const first = wait.readMs()
    expect(first).toBeGreaterThanOrEqual(0)
    expect(wait.readMs()).toBeGreaterThanOrEqual(first)
    // No longer than the process is there.
    expect(first).toBeLessThan(process.uptime() * 1_000)
  })
})
