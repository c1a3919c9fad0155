import type { MessagePort } from 'node:worker_threads'
import type { Logger } from '../../domain/logger.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { IngestBuffer } from '../ingest-buffer.ts'
import { AgentQuestions } from './agent-questions.ts'
import type {
  ErrorMessage,
  ReceiverCall,
  ReceiverCommand,
  ReceiverEvent,
  ReceiverWorkerOptions,
  WorkerStatistics,
} from './receiver-message.ts'
import { type ReceiverService, startReceiverService } from './receiver-service.ts'

/** The worker's side: runs the receiver and does what the main thread asks through `port`. */
export async function serveReceiverPort(
  port: MessagePort,
  options: ReceiverWorkerOptions,
  buffer: IngestBuffer,
): Promise<void> {
  const tell = (event: ReceiverEvent) => port.postMessage(event)
  const questions = new AgentQuestions(tell)
  let service: ReceiverService
  try {
    service = await startReceiverService({
      ...options,
      buffer,
      logger: portLogger(tell),
      onSegmentClosed: segment => tell({ type: 'segmentClosed', segment }),
      onSpans: spans => tell({ type: 'spans', spans }),
      askAboutAgent: questions.ask,
    })
  } catch (error) {
    tell({ type: 'failed', error: toErrorMessage(error) })
    port.close()
    return
  }

  port.on('message', ({ id, command }: ReceiverCall) => {
    if (command.type === 'answerAgent') {
      questions.answer(command.question, command.answer)
      return
    }
    obey(service, command).then(
      statistics => tell({ type: 'done', id, ...(statistics === undefined ? {} : { statistics }) }),
      error => tell({ type: 'refused', id, error: toErrorMessage(error) }),
    )
  })
  tell({ type: 'ready', httpPort: service.httpPort, grpcPort: service.grpcPort })
}

async function obey(
  service: ReceiverService,
  command: Exclude<ReceiverCommand, { type: 'answerAgent' }>,
): Promise<WorkerStatistics | undefined> {
  switch (command.type) {
    case 'statistics':
      return await service.statistics()
    case 'rotate':
      await service.rotate()
      return undefined
    case 'close':
      await service.close()
      return undefined
    case 'forgetMentions':
      service.forgetMentions()
      return undefined
    case 'append':
      await service.append(command.block)
      return undefined
    case 'setTokens':
      service.setTokens(command.tokens)
      return undefined
    case 'watch':
      service.watch(command.watching)
      return undefined
  }
}

function toErrorMessage(error: unknown): ErrorMessage {
  return {
    code: error instanceof PerfloopError ? error.code : undefined,
    message: error instanceof Error ? error.message : String(error),
    details: error instanceof PerfloopError ? copyable(error.details) : {},
  }
}

/** Logs on the main thread; what cannot be copied there becomes text. */
function portLogger(tell: (event: ReceiverEvent) => void): Logger {
  const at = (level: keyof Logger) => (fields: object, message: string) =>
    tell({ type: 'log', level, fields: copyable(fields), message })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function copyable(fields: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error || typeof value === 'function' ? textOf(value) : value,
    ]),
  )
}

function textOf(value: unknown): string {
  if (!(value instanceof Error)) return String(value)
  const cause = value.cause === undefined ? '' : ` (${textOf(value.cause)})`
  return `${value.stack ?? value.message}${cause}`
}
