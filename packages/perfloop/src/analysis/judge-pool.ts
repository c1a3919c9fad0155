import { Worker } from 'node:worker_threads'
import { PerfloopError } from '../domain/perfloop-error.ts'
import type { Analyzer } from './analyzer.ts'
import { type JudgeAnswer, type JudgeRequest, judge } from './judge.ts'

/** Where analyzers judge. */
export interface JudgePool extends AsyncDisposable {
  judge(request: JudgeRequest, timeoutMs: number): Promise<JudgeAnswer>
}

/** Loading is not judging: on a busy machine it may take longer than any analyzer is given. */
const START_TIMEOUT_MS = 30_000
/** Memory of the thread: rows of evidence are bounded, so an analyzer that needs more is at fault. */
const MAX_HEAP_MB = 256
/** Longer than analyses are apart, so that the thread stays while there is something to analyze. */
const IDLE_MS = 60_000

/**
 * One thread shared by all analyzers, started when it is needed and ended when it has not been for `idleMs`,
 * since it holds 15 MB. One that takes too long is stopped with its thread, which is the only way to stop
 * JavaScript; the next request gets a new one.
 */
export function threadedJudgePool(entry: URL, { idleMs = IDLE_MS } = {}): JudgePool {
  let worker: Worker | undefined
  let queue: Promise<unknown> = Promise.resolve()
  let idle: NodeJS.Timeout | undefined

  async function start(): Promise<Worker> {
    const thread = new Worker(entry, { resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB } })
    // An error that comes when nobody waits for an answer concerns nobody.
    thread.on('error', () => {})
    const ready = await answerOf(thread, undefined, START_TIMEOUT_MS)
    if (typeof ready !== 'string') return thread
    await thread.terminate()
    throw new PerfloopError('INTERNAL', { reason: `the judges' thread did not start: ${ready}` })
  }

  async function answer(request: JudgeRequest, timeoutMs: number): Promise<JudgeAnswer> {
    const thread = worker ?? (await start())
    worker = thread
    const given = await answerOf(thread, request, timeoutMs)
    if (typeof given !== 'string') return given
    worker = undefined
    await thread.terminate()
    return { status: 'failed', reason: given }
  }

  async function stop(): Promise<void> {
    const thread = worker
    worker = undefined
    await thread?.terminate()
  }

  /** In turn with the requests: one that comes now gets a thread that lives. */
  function stopWhenIdle(): void {
    clearTimeout(idle)
    idle = setTimeout(() => {
      queue = queue.then(stop)
    }, idleMs).unref()
  }

  return {
    judge(request, timeoutMs) {
      const next = queue.then(() => answer(request, timeoutMs))
      queue = next.catch(() => {}).finally(stopWhenIdle)
      return next
    },
    async [Symbol.asyncDispose]() {
      await queue
      clearTimeout(idle)
      await stop()
    },
  }
}

/** The answer, or why there will be none from this thread. No request: its word that it is ready. */
function answerOf(
  thread: Worker,
  request: JudgeRequest | undefined,
  timeoutMs: number,
): Promise<JudgeAnswer | string> {
  return new Promise(resolve => {
    const settle = (result: JudgeAnswer | string) => {
      clearTimeout(timer)
      thread.off('message', onMessage)
      thread.off('error', onError)
      thread.off('exit', onExit)
      thread.unref()
      resolve(result)
    }
    const timer = setTimeout(() => settle(`it took more than ${timeoutMs} ms`), timeoutMs)
    const onMessage = (answer: JudgeAnswer) => settle(answer)
    const onError = (error: Error) => settle(error.message)
    const onExit = (code: number) => settle(`its thread ended with ${code}`)
    thread.on('message', onMessage)
    thread.on('error', onError)
    thread.on('exit', onExit)
    thread.ref()
    try {
      if (request !== undefined) thread.postMessage(request)
    } catch (error) {
      settle(`its rows cannot be sent: ${String(error)}`)
    }
  })
}

/** In this thread: for a file that is judged once and for tests. An endless analyzer is endless here. */
export function directJudgePool(analyzers: readonly Analyzer[]): JudgePool {
  return {
    judge: async request => judge(analyzers, request),
    async [Symbol.asyncDispose]() {},
  }
}
