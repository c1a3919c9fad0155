import type { TraceState } from './api-shapes.ts'

/** The list of `tracestate`: https://www.w3.org/TR/trace-context/#tracestate-header. The last that was set comes first. */
export class CarriedTraceState implements TraceState {
  readonly #members: ReadonlyMap<string, string>

  constructor(text: string | ReadonlyMap<string, string>) {
    this.#members = typeof text === 'string' ? membersOf(text) : text
  }

  get(key: string): string | undefined {
    return this.#members.get(key)
  }

  set(key: string, value: string): CarriedTraceState {
    return new CarriedTraceState(new Map([[key, value], ...this.#without(key)]))
  }

  unset(key: string): CarriedTraceState {
    return new CarriedTraceState(new Map(this.#without(key)))
  }

  serialize(): string {
    return [...this.#members].map(([key, value]) => `${key}=${value}`).join(',')
  }

  #without(key: string): [string, string][] {
    return [...this.#members].filter(([name]) => name !== key)
  }
}

function membersOf(text: string): Map<string, string> {
  const pairs = text.split(',').map(member => {
    const equals = member.indexOf('=')
    return [member.slice(0, Math.max(0, equals)).trim(), member.slice(equals + 1).trim()] as const
  })
  return new Map(pairs.filter(([key]) => key !== ''))
}
