import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { AgentAnswer, AgentQuestion, AskAboutAgent } from './agent-door.ts'
import type { ReceiverEvent } from './receiver-message.ts'

/** Questions on their way to the main thread and back, the worker's side. */
export class AgentQuestions {
  readonly #tell: (event: ReceiverEvent) => void
  readonly #open = new Map<number, (answer: AgentAnswer) => void>()
  #last = 0

  constructor(tell: (event: ReceiverEvent) => void) {
    this.#tell = tell
  }

  readonly ask: AskAboutAgent = (asked: AgentQuestion, signal: AbortSignal) =>
    new Promise((resolve, reject) => {
      const question = ++this.#last
      this.#open.set(question, resolve)
      signal.addEventListener('abort', () => {
        if (!this.#open.delete(question)) return
        this.#tell({ type: 'agentLeft', question })
        reject(new PerfloopError('RECEIVER_BUSY', { reason: 'the agent went away' }))
      })
      this.#tell({ type: 'agentAsks', question, asked })
    })

  answer(question: number, answer: AgentAnswer): void {
    this.#open.get(question)?.(answer)
    this.#open.delete(question)
  }
}
