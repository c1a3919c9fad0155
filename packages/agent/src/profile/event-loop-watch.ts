import type { EventLoopUtilization } from 'node:perf_hooks'
import type { Agent } from '../agent.ts'
import type { EventLoopDelay } from '../measure/event-loop-delay.ts'
import { clearInterval, clockMs, eventLoopUtilization, setInterval } from '../own-clock.ts'
import { ActiveSpan, whenWorkBegins } from '../record/active-span.ts'
import { attributeSchema, INTEGER, TEXT } from '../record/attribute-schema.ts'
import { KIND_INTERNAL } from '../record/span-recorder.ts'
import { CpuWait } from './cpu-wait.ts'
import { BEAT_MS, type Pulse } from './pulse.ts'
import { isOfApplication, readStack } from './stack-frame.ts'
import { answerNotes, type StackNote } from './stack-note.ts'

/** https://opentelemetry.io/docs/specs/semconv/registry/attributes/code/ */
const SCHEMA = attributeSchema(
  '@perfloop/agent/event-loop',
  {},
  {
    'code.stacktrace': TEXT,
    'code.function.name': TEXT,
    'code.file.path': TEXT,
    'code.line.number': INTEGER,
    // No convention has a name for it.
    'perfloop.cpu.wait_ms': INTEGER,
  },
)

/** Of a process that does nothing: waking it more often would be most of what it costs. */
const IDLE_BEAT_MS = 500
/** Beats without a request or a job after which it is looked whether there is anything to do. */
const QUIET_BEATS = 80
/** A smaller share of the time in which the event loop is at work is nothing to do, or only the beats themselves. */
const IDLE_UTILIZATION = 0.1
/** A process that starts loads its modules: that blocks it, and everybody knows. */
const START_MS = 10_000
/** A process that blocks all the time need not tell each. */
const PAUSE_MS = 1_000

export interface EventLoopWatchOptions {
  readonly agent: Agent
  readonly pulse: Pulse
  readonly delay: EventLoopDelay
  /** 0 for none. */
  readonly limitMs: number
  /** The process has something to do again. */
  onWake(): void
}

/**
 * Beats in time with the event loop. A beat that comes late tells how long everything else waited, too; one that comes
 * later than the limit becomes a span, with the stack that the exporting thread has asked for while it lasted, unless the
 * machine had no time for the process: that is told as what it is. A process
 * that does nothing is left asleep but for two beats a second, until a request or a job begins.
 */
export class EventLoopWatch {
  readonly #options: EventLoopWatchOptions
  readonly #cpuWait: CpuWait | undefined
  #noted: (StackNote & { readonly beats: number }) | undefined
  #timer: NodeJS.Timeout | undefined
  #intervalMs = 0
  #lastMs = 0
  /** As read when the last beat was. */
  #waitedMs = Number.NaN
  #lastBlockMs = Number.NEGATIVE_INFINITY
  #quietBeats = 0
  #utilization: EventLoopUtilization = eventLoopUtilization()

  constructor(options: EventLoopWatchOptions) {
    this.#options = options
    const { pulse, limitMs } = options
    this.#cpuWait = limitMs > 0 ? new CpuWait() : undefined
    answerNotes(note => {
      this.#noted = { ...note, beats: pulse.beats }
    })
    whenWorkBegins(this.#wake)
    this.#beatEvery(IDLE_BEAT_MS)
  }

  readonly #wake = (): void => {
    this.#quietBeats = 0
    if (this.#intervalMs === BEAT_MS) return
    try {
      this.#beatEvery(BEAT_MS)
      this.#options.pulse.isAwake = true
      this.#options.onWake()
    } catch (error) {
      this.#options.agent.report('watching the event loop', error)
    }
  }

  #beatEvery(intervalMs: number): void {
    clearInterval(this.#timer)
    this.#intervalMs = intervalMs
    this.#lastMs = clockMs()
    this.#waitedMs = this.#readWait()
    this.#options.pulse.beat()
    this.#timer = setInterval(this.#beat, intervalMs).unref()
  }

  #readWait(): number {
    return this.#cpuWait?.readMs() ?? Number.NaN
  }

  readonly #beat = (): void => {
    const { agent, pulse, delay } = this.#options
    try {
      const nowMs = clockMs()
      const lateMs = nowMs - this.#lastMs - this.#intervalMs
      delay.record(lateMs)
      const waitedMs = this.#readWait()
      this.#judge(lateMs, nowMs, waitedMs - this.#waitedMs)
      this.#waitedMs = waitedMs
      this.#noted = undefined
      this.#lastMs = nowMs
      pulse.beat()
      this.#rest()
    } catch (error) {
      agent.report('watching the event loop', error)
    }
  }

  #judge(lateMs: number, nowMs: number, waitedMs: number): void {
    const { agent, pulse, limitMs } = this.#options
    if (limitMs === 0 || lateMs < limitMs || nowMs - this.#lastBlockMs < PAUSE_MS) return
    const note = this.#noted
    if (note === undefined || note.beats !== pulse.beats || !isWorthTelling(note)) return
    this.#lastBlockMs = nowMs
    // With a CPU of its own it would have been in time, or nearly so.
    const isStarved = lateMs - waitedMs < limitMs
    recordBlock(agent, note, { startMs: nowMs - lateMs, endMs: nowMs, waitedMs, isStarved })
  }

  /** Falls asleep where there is nothing to do, and wakes where there is. */
  #rest(): void {
    const isAwake = this.#intervalMs === BEAT_MS
    if (isAwake && ++this.#quietBeats < QUIET_BEATS) return
    const now = eventLoopUtilization()
    const { utilization } = eventLoopUtilization(now, this.#utilization)
    this.#utilization = now
    if (utilization >= IDLE_UTILIZATION) this.#wake()
    else if (isAwake) {
      this.#options.pulse.isAwake = false
      this.#beatEvery(IDLE_BEAT_MS)
    }
  }
}

function isWorthTelling({ stack, span }: StackNote): boolean {
  // Where nothing ran, nobody was kept waiting.
  if (stack === '') return false
  if (process.uptime() * 1_000 < START_MS && span === undefined) return false
  // Whoever stops at a breakpoint knows.
  return process.getBuiltinModule?.('node:inspector')?.url() === undefined
}

interface Block {
  readonly startMs: number
  readonly endMs: number
  readonly waitedMs: number
  readonly isStarved: boolean
}

/** It lasted at least so long: when within the beat before it began, nobody knows. */
function recordBlock(
  { recorder }: Agent,
  note: StackNote,
  { startMs, endMs, waitedMs, isStarved }: Block,
): void {
  const parent = note.span?.isRecorded === true ? note.span : undefined
  const span = new ActiveSpan(parent)
  const name = isStarved ? 'event loop starved' : 'event loop block'
  if (!recorder.begin(SCHEMA, name, KIND_INTERNAL, false, span, startMs, endMs)) return
  const frames = readStack(note.stack)
  const frame = frames.find(isOfApplication) ?? frames[0]
  recorder.text(note.stack)
  recorder.text(frame?.name)
  recorder.text(frame?.file)
  recorder.integer(frame?.line ?? Number.NaN)
  recorder.integer(Math.round(waitedMs))
  recorder.end()
}
