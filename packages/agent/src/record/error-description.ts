import { isNativeError } from 'node:util/types'
import { cut, LONGEST_TEXT } from './text-table.ts'

const LONGEST_STACK = 16_384

/** What is told of an error. The error itself may hold all that its code could reach, and is never kept. */
export interface ErrorDescription {
  readonly type: string
  readonly message: string
  readonly stack: string
}

/**
 * Of anything that was thrown, whatever its getters and its `toString` do: they may even issue a statement, whose row
 * must not begin within another one.
 */
export function describeError(error: unknown): ErrorDescription {
  try {
    // Those of another context, such as a test's, are no instances of ours.
    if (!(error instanceof Error || isNativeError(error))) {
      return { type: typeof error, message: cut(String(error), LONGEST_TEXT), stack: '' }
    }
    const { name, message, stack } = error as { name: unknown; message: unknown; stack?: unknown }
    return {
      type: typeof name === 'string' ? cut(name, LONGEST_TEXT) : 'Error',
      message: typeof message === 'string' ? cut(message, LONGEST_TEXT) : '',
      stack: typeof stack === 'string' ? cut(stack, LONGEST_STACK) : '',
    }
  } catch {
    return { type: typeof error, message: 'it cannot be described', stack: '' }
  }
}
