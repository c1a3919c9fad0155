import { Worker } from 'node:worker_threads'

/** A thread that answers one request after the other, and is there only while it is asked something. */
export interface IdleThread<Request, Answer> extends AsyncDisposable {
  /** The answer, or why there is none. Rejects when the thread cannot be started. */
  ask(request: Request, timeoutMs: number): Promise<Reply<Answer>>
}

export type Reply<Answer> =
  | { readonly status: 'answered'; readonly answer: Answer }
  | { readonly status: 'lost'; readonly reason: string }

export interface IdleThreadOptions {
  /** Its program: says anything when it is ready, then one answer to each message. */
  readonly entry: URL
  readonly maxHeapMb: number
  /** Without a request for so long it is ended, since it holds 15 MB. */
  readonly idleMs: number
  startFailed(reason: string): Error
}

/** Loading is not working: on a busy machine it may take longer than any request is given. */
const START_TIMEOUT_MS = 30_000

/**
 * Started when it is needed. One that takes too long for a request is stopped, which is the only way to stop JavaScript;
 * the next request gets a new one.
 */
export function idleThread<Request, Answer>(
  options: IdleThreadOptions,
): IdleThread<Request, Answer> {
  let worker: Worker | undefined
  let queue: Promise<unknown> = Promise.resolve()
  let idle: NodeJS.Timeout | undefined

  async function start(): Promise<Worker> {
    const { entry, maxHeapMb } = options
    const thread = new Worker(entry, { resourceLimits: { maxOldGenerationSizeMb: maxHeapMb } })
    // An error that comes when nobody waits for an answer concerns nobody.
    thread.on('error', () => {})
    const ready = await replyOf<Answer>(thread, () => {}, START_TIMEOUT_MS)
    if (ready.status === 'answered') return thread
    await thread.terminate()
    throw options.startFailed(ready.reason)
  }

  async function answer(request: Request, timeoutMs: number): Promise<Reply<Answer>> {
    const thread = worker ?? (await start())
    worker = thread
    const reply = await replyOf<Answer>(thread, () => thread.postMessage(request), timeoutMs)
    if (reply.status === 'answered') return reply
    worker = undefined
    await thread.terminate()
    return reply
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
    }, options.idleMs).unref()
  }

  return {
    ask(request, timeoutMs) {
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

/** Its next message, or why none will come from this thread. */
function replyOf<Answer>(
  thread: Worker,
  send: () => void,
  timeoutMs: number,
): Promise<Reply<Answer>> {
  return new Promise(resolve => {
    const settle = (reply: Reply<Answer>) => {
      clearTimeout(timer)
      thread.off('message', onMessage)
      thread.off('error', onError)
      thread.off('exit', onExit)
      thread.unref()
      resolve(reply)
    }
    const lose = (reason: string) => settle({ status: 'lost', reason })
    const timer = setTimeout(() => lose(`it took more than ${timeoutMs} ms`), timeoutMs)
    const onMessage = (answer: Answer) => settle({ status: 'answered', answer })
    const onError = (error: Error) => lose(error.message)
    const onExit = (code: number) => lose(`its thread ended with ${code}`)
    thread.on('message', onMessage)
    thread.on('error', onError)
    thread.on('exit', onExit)
    thread.ref()
    try {
      send()
    } catch (error) {
      lose(`what it needs cannot be sent: ${String(error)}`)
    }
  })
}
