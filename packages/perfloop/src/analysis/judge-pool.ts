import { idleThread } from '../domain/idle-thread.ts'
import { PerfloopError } from '../domain/perfloop-error.ts'
import type { Analyzer } from './analyzer.ts'
import { type JudgeAnswer, type JudgeRequest, judge } from './judge.ts'

/** Where analyzers judge. */
export interface JudgePool extends AsyncDisposable {
  judge(request: JudgeRequest, timeoutMs: number): Promise<JudgeAnswer>
}

/** Memory of the thread: rows of evidence are bounded, so an analyzer that needs more is at fault. */
const MAX_HEAP_MB = 256
/** Longer than analyses are apart, so that the thread stays while there is something to analyze. */
const IDLE_MS = 60_000

/** One thread shared by all analyzers. */
export function threadedJudgePool(entry: URL, { idleMs = IDLE_MS } = {}): JudgePool {
  const thread = idleThread<JudgeRequest, JudgeAnswer>({
    entry,
    idleMs,
    maxHeapMb: MAX_HEAP_MB,
    startFailed: reason =>
      new PerfloopError('INTERNAL', { reason: `the judges' thread did not start: ${reason}` }),
  })
  return {
    async judge(request, timeoutMs) {
      const reply = await thread.ask(request, timeoutMs)
      return reply.status === 'answered' ? reply.answer : { status: 'failed', reason: reply.reason }
    },
    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  }
}

/** In this thread: for a file that is judged once and for tests. An endless analyzer is endless here. */
export function directJudgePool(analyzers: readonly Analyzer[]): JudgePool {
  return {
    judge: async request => judge(analyzers, request),
    async [Symbol.asyncDispose]() {},
  }
}
