import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import { ActiveSpan, activeSpan } from '../record/active-span.ts'
import { attributeSchema, TEXT } from '../record/attribute-schema.ts'
import { describeError } from '../record/error-description.ts'
import { KIND_INTERNAL } from '../record/span-recorder.ts'
import { wrapMethod } from './wrap-method.ts'

const SCHEMA = attributeSchema('@perfloop/agent/process', {}, { 'error.type': TEXT })

type Emit = (this: unknown, event: string | symbol, ...args: unknown[]) => boolean

/**
 * What nobody caught, under the request or job it came from. Nothing changes for the process: a monitor is no handler, and
 * rejections that the application listens for are seen as they are told, without a listener of ours.
 */
export function instrumentProcessErrors(agent: Agent): void {
  process.on('uncaughtExceptionMonitor', (error, origin) => {
    const isRejection = origin === 'unhandledRejection'
    record(agent, isRejection ? REJECTION : 'uncaught exception', error)
  })
  const emit = process.emit as Emit
  const telling: Emit = function (event, ...args) {
    const isHandled = emit.call(this, event, ...args)
    // One that is not handled comes to the monitor next; its stack must not be read before Node has shown its line.
    if (isHandled && event === 'unhandledRejection') record(agent, REJECTION, args[0])
    return isHandled
  }
  wrapMethod(process as { emit: Emit }, 'emit', () => telling)
}

const REJECTION = 'unhandled rejection'

function record({ recorder, report }: Agent, name: string, error: unknown): void {
  const atMs = clockMs()
  try {
    const active = activeSpan.getStore()
    const span = new ActiveSpan(active?.isRecorded === true ? active : undefined)
    const failure = describeError(error)
    if (!recorder.begin(SCHEMA, name, KIND_INTERNAL, true, span, atMs, atMs)) return
    recorder.exception(failure, atMs)
    recorder.text(failure.type)
    recorder.end()
  } catch (problem) {
    report('recording what nobody caught', problem)
  }
}
