import { isOwnFrame } from '../own-place.ts'
import { type ActiveSpan, activeSpan } from '../record/active-span.ts'
import { limitStacks } from './stack-limit.ts'

/** What ran on the application's thread when the exporting thread asked. */
export interface StackNote {
  /** Innermost frame first, in the words of V8, without our own. */
  readonly stack: string
  /** For whom it ran. */
  readonly span: ActiveSpan | undefined
}

/** As `TAKE_NOTE` calls it. */
const NOTE = Symbol.for('perfloop.agent.note')
const DEEPEST_STACK = 48
/** `Error`, the two functions below, and the expression that called them. */
const OWN_LINES = 4

/**
 * Makes `TAKE_NOTE` of the exporting thread answer with the stack and the operation it runs for, separated by a line
 * feed. `onNote` is told the same. It costs the application's thread about a tenth of a millisecond.
 */
export function answerNotes(onNote: (note: StackNote) => void): void {
  const take = () => {
    try {
      const stack = currentStack()
      const span = activeSpan.getStore()
      onNote({ stack, span })
      return `${operationOf(span)}\n${stack}`
    } catch {
      return '\n'
    }
  }
  Object.defineProperty(globalThis, NOTE, { value: take, configurable: true })
}

/** As its span will be named, as far as is known by now. */
function operationOf(span: ActiveSpan | undefined): string {
  if (span === undefined) return ''
  const { method, place } = span
  if (typeof place !== 'string') return method ?? ''
  return method === undefined ? place : `${method} ${place}`
}

function currentStack(): string {
  const limit = Error.stackTraceLimit
  const isDeep = limitStacks(DEEPEST_STACK)
  // The application's own way of writing stacks might read files.
  const prepare = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace')
  if (prepare !== undefined) Reflect.deleteProperty(Error, 'prepareStackTrace')
  const { stack = '' } = new Error()
  if (prepare !== undefined) Object.defineProperty(Error, 'prepareStackTrace', prepare)
  if (isDeep) limitStacks(limit)
  let from = 0
  for (let line = 0; line < OWN_LINES; line++) {
    from = stack.indexOf('\n', from) + 1
    if (from === 0) return ''
  }
  return withoutOwn(stack.slice(from))
}

/** On a machine that has no time for the process, the question may find the agent itself: of that there is nothing to tell. */
function withoutOwn(stack: string): string {
  const lines = stack.split('\n')
  const first = lines.findIndex(line => !isOwnFrame(line))
  if (first === 0) return stack
  const others = first < 0 ? [] : lines.slice(first)
  return others.every(line => line.includes('node:')) ? '' : others.join('\n')
}
