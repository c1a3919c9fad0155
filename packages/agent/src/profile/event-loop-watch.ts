import type { Agent } from '../agent.ts'
import { BEAT_MS, type EventLoopDelay } from '../measure/event-loop-delay.ts'
import { ActiveSpan } from '../record/active-span.ts'
import { attributeSchema, INTEGER, TEXT } from '../record/attribute-schema.ts'
import { KIND_INTERNAL, STATUS_UNSET } from '../record/span-recorder.ts'
import type { Pulse } from './pulse.ts'
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
  },
)

/** A process that starts loads its modules: that blocks it, and everybody knows. */
const START_MS = 10_000
/** A process that blocks all the time need not tell each. */
const PAUSE_MS = 1_000

/**
 * Beats in time with the event loop. A beat that comes late tells how long everything else waited, too; one that comes
 * later than the limit becomes a span, with the stack that the exporting thread has asked for while it lasted.
 */
export function watchEventLoop(
  agent: Agent,
  pulse: Pulse,
  delay: EventLoopDelay,
  limitMs: number,
): void {
  let noted: (StackNote & { readonly beats: number }) | undefined
  answerNotes(note => {
    noted = { ...note, beats: pulse.beats }
  })
  let lastMs = performance.now()
  let lastBlockMs = Number.NEGATIVE_INFINITY
  setInterval(() => {
    const nowMs = performance.now()
    const lateMs = nowMs - lastMs - BEAT_MS
    delay.record(lateMs)
    if (lateMs >= limitMs && limitMs > 0 && nowMs - lastBlockMs >= PAUSE_MS) {
      lastBlockMs = nowMs
      try {
        const note = noted?.beats === pulse.beats ? noted : undefined
        if (note !== undefined && isWorthTelling(note))
          recordBlock(agent, note, nowMs - lateMs, nowMs)
      } catch (error) {
        agent.report('recording a block of the event loop', error)
      }
    }
    noted = undefined
    lastMs = nowMs
    pulse.beat()
  }, BEAT_MS).unref()
}

function isWorthTelling({ stack, span }: StackNote): boolean {
  // Where nothing ran, it was the machine that had no time for the process.
  if (stack === '') return false
  if (process.uptime() * 1_000 < START_MS && span === undefined) return false
  // Whoever stops at a breakpoint knows.
  return process.getBuiltinModule?.('node:inspector')?.url() === undefined
}

/** It lasted at least so long: when within the beat before it began, nobody knows. */
function recordBlock({ recorder }: Agent, note: StackNote, startMs: number, endMs: number): void {
  const parent = note.span?.isRecorded === true ? note.span : undefined
  const span = new ActiveSpan(parent)
  const isBegun = recorder.begin(
    SCHEMA,
    'event loop block',
    KIND_INTERNAL,
    STATUS_UNSET,
    span,
    span.id0,
    span.id1,
    span.parent0,
    span.parent1,
    startMs,
    endMs,
  )
  if (!isBegun) return
  const frames = readStack(note.stack)
  const frame = frames.find(isOfApplication) ?? frames[0]
  recorder.text(note.stack)
  recorder.text(frame?.name)
  recorder.text(frame?.file)
  recorder.integer(frame?.line ?? Number.NaN)
  recorder.end()
}
