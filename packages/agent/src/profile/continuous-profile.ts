import { clearTimeout, clockMs, setTimeout } from '../own-clock.ts'
import type { MainThread } from './main-thread.ts'
import { Pprof } from './pprof.ts'
import type { Pulse } from './pulse.ts'
import { readStack, type StackFrame } from './stack-frame.ts'

/** On average. A look costs about half a millisecond of CPU in all, half of it on the application's thread. */
const BUSY_INTERVAL_MS = 200
/** After so many looks in a row that found nothing running. */
const IDLE_LOOKS = 5
const IDLE_INTERVAL_MS = 1_000

/**
 * What the application's thread does, looked at a few times a second, each time with the request or job it does it for:
 * that is the outermost frame of each stack. Each look stands for the time since the last; these times vary by chance,
 * so that nothing regular hides between them. A process that does nothing is not looked at.
 *
 * V8's own profiler is not used for it: each time it begins, it lists all functions and stops the application for as
 * long as a millisecond per megabyte of heap, and it knows of no request. A look comes where V8 lets itself be
 * interrupted: what ran in native code is told by the line that called it.
 */
export class ContinuousProfile {
  readonly #mainThread: MainThread
  readonly #pulse: Pulse
  #pprof = emptyProfile()
  #startMs = clockMs()
  #idleLooks = 0
  #timer: NodeJS.Timeout | undefined

  constructor(mainThread: MainThread, pulse: Pulse) {
    this.#mainThread = mainThread
    this.#pulse = pulse
  }

  start(): void {
    if (this.#timer !== undefined) return
    this.#startMs = clockMs()
    this.#schedule()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** What was seen since the last time, as a gzipped pprof; undefined when nothing ran. */
  async take(): Promise<{ readonly profile: Buffer; readonly durationMs: number } | undefined> {
    const pprof = this.#pprof
    const nowMs = clockMs()
    const durationMs = nowMs - this.#startMs
    this.#pprof = emptyProfile()
    this.#startMs = nowMs
    return pprof.isEmpty ? undefined : { profile: await pprof.bytes(durationMs), durationMs }
  }

  #schedule(): void {
    const meanMs = this.#idleLooks < IDLE_LOOKS ? BUSY_INTERVAL_MS : IDLE_INTERVAL_MS
    const intervalMs = meanMs * (0.5 + Math.random())
    this.#timer = setTimeout(() => void this.#look(intervalMs), intervalMs).unref()
  }

  #note() {
    return this.#mainThread.note().catch(() => undefined)
  }

  async #look(forMs: number): Promise<void> {
    const note = this.#pulse.isAwake ? await this.#note() : undefined
    const isStopped = this.#timer === undefined
    if (isStopped) return
    if (note === undefined || note.stack === '') this.#idleLooks++
    else {
      this.#idleLooks = 0
      const stack = readStack(note.stack)
      if (note.operation !== '') stack.push(operationFrame(note.operation))
      this.#pprof.add(stack, 1, forMs * 1e6)
    }
    this.#schedule()
  }
}

function emptyProfile(): Pprof {
  return new Pprof({ type: 'samples', unit: 'count' }, { type: 'cpu', unit: 'nanoseconds' })
}

function operationFrame(operation: string): StackFrame {
  return { name: operation, file: '', line: 0 }
}
