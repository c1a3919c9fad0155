import type { Span, SpanContext } from './api-shapes.ts'
import { SilentSpan } from './silent-span.ts'

/** A span of another process, or of nobody: it can be a parent, and nothing else. */
export class RemoteSpan extends SilentSpan implements Span {
  readonly #context: SpanContext

  constructor(context: SpanContext) {
    super()
    this.#context = context
  }

  spanContext(): SpanContext {
    return this.#context
  }

  isRecording(): boolean {
    return false
  }

  end(): void {}

  recordException(): void {}
}
