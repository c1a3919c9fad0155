import type { Agent } from '../agent.ts'
import type { AgentConfiguration } from '../agent-options.ts'
import type { KnobReport } from './control-message.ts'

/** What the host lets a knob be turned to. */
export interface KnobBounds {
  readonly minimum: number
  readonly maximum: number
}

/** Something that can be turned while the application runs. */
export interface KnobDefinition {
  /** Such as `pg.pool.max`. */
  readonly name: string
  /** `ms`, `{connection}`: as in UCUM. */
  readonly unit: string
  readonly description: string
  /** What it is now; undefined where there is nothing to turn. */
  read(): number | undefined
  apply(value: number): void
  /** Where putting back is more than applying what `read` had answered. */
  putBack?(): void
}

/** For "no limit", which JSON has no number for. */
export const UNLIMITED = 2 ** 31 - 1
const MOST_KNOBS = 100

interface Knob {
  readonly definition: KnobDefinition
  readonly bounds: KnobBounds
  /** What it was when it was first turned; undefined while it is not turned. */
  ownValue: number | undefined
}

/** A knob of the application's own; it is offered where the host enables it by its name. */
export function defineKnob(definition: KnobDefinition): KnobDefinition {
  return definition
}

/** Of anything that an application may have given. */
export function isKnob(given: unknown): given is KnobDefinition {
  if (typeof given !== 'object' || given === null) return false
  const { name, read, apply } = given as Partial<KnobDefinition>
  return typeof name === 'string' && typeof read === 'function' && typeof apply === 'function'
}

/** The knobs that the host has enabled, and what was done to them. */
export class Knobs {
  readonly #enabled: ReadonlyMap<string, KnobBounds>
  readonly #report: Agent['report']
  readonly #offered = new Map<string, Knob>()

  constructor(
    { knobs, ownKnobs }: Pick<AgentConfiguration, 'knobs' | 'ownKnobs'>,
    report: Agent['report'],
  ) {
    this.#enabled = knobs
    this.#report = report
    for (const knob of ownKnobs) this.offer(knob)
  }

  isEnabled(name: string): boolean {
    return this.#enabled.has(name)
  }

  /** Does nothing where the host has not enabled it. */
  offer(definition: KnobDefinition): void {
    const bounds = this.#enabled.get(definition.name)
    if (bounds === undefined || this.#offered.size >= MOST_KNOBS) return
    this.#offered.set(definition.name, { definition, bounds, ownValue: undefined })
  }

  reports(): readonly KnobReport[] {
    return [...this.#offered.values()].flatMap(knob => {
      const value = this.#read(knob)
      if (value === undefined) return []
      const { name, unit, description } = knob.definition
      return [
        {
          name,
          unit: String(unit),
          description: String(description),
          value,
          own_value: knob.ownValue ?? value,
          ...knob.bounds,
        },
      ]
    })
  }

  /** Those named are turned, within the host's bounds; the others are put back. */
  turn(wanted: readonly { readonly name: string; readonly value: number }[]): void {
    for (const knob of this.#offered.values()) {
      const { minimum, maximum } = knob.bounds
      const value = wanted.find(({ name }) => name === knob.definition.name)?.value
      if (value === undefined) this.#putBack(knob)
      else if (value >= minimum && value <= maximum) this.#apply(knob, value)
    }
  }

  #read({ definition }: Knob): number | undefined {
    try {
      const value = definition.read()
      return typeof value === 'number' && value >= 0 ? Math.min(value, UNLIMITED) : undefined
    } catch (error) {
      this.#report(`reading the knob ${definition.name}`, error)
      return undefined
    }
  }

  #apply(knob: Knob, value: number): void {
    const current = this.#read(knob)
    if (current === undefined || current === value) return
    knob.ownValue ??= current
    this.#do(knob, () => knob.definition.apply(value))
  }

  #putBack(knob: Knob): void {
    const { definition, ownValue } = knob
    if (ownValue === undefined) return
    knob.ownValue = undefined
    this.#do(knob, () =>
      definition.putBack === undefined ? definition.apply(ownValue) : definition.putBack(),
    )
  }

  #do({ definition }: Knob, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#report(`turning the knob ${definition.name}`, error)
    }
  }
}

/** `pg.pool.max=2..50,http.max_sockets=1..256`, and over them what the application has given in code. */
export function enabledKnobs(
  text: string | undefined,
  given: unknown,
  onProblem: (problem: string) => void,
): ReadonlyMap<string, KnobBounds> {
  const enabled = new Map<string, KnobBounds>()
  // Bounds that are none enable nothing: a typing error must not open a knob.
  const enable = (name: string, minimum: unknown, maximum: unknown) => {
    if (typeof minimum === 'number' && typeof maximum === 'number' && minimum >= 0) {
      if (maximum >= minimum) return enabled.set(name, { minimum, maximum })
    }
    return onProblem(`the knob ${name} has no bounds such as 2..50, and stays closed`)
  }
  for (const part of text?.split(',') ?? []) {
    const [name = '', bounds = ''] = part.split('=', 2)
    const [, minimum, maximum] = /^([\d.]+?)\.\.([\d.]+)$/.exec(bounds.trim()) ?? []
    enable(name.trim(), toNumber(minimum), toNumber(maximum))
  }
  if (typeof given !== 'object' || given === null) return enabled
  for (const [name, bounds] of Object.entries(given as Record<string, Partial<KnobBounds>>)) {
    enable(name, bounds?.minimum, bounds?.maximum)
  }
  return enabled
}

function toNumber(text: string | undefined): number | undefined {
  const number = Number(text)
  return text === undefined || Number.isNaN(number) ? undefined : number
}
