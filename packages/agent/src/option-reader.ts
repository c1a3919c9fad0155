import { readFileSync } from 'node:fs'
import { validateHeaderName, validateHeaderValue } from 'node:http'

export interface NumberOption {
  readonly option?: string
  readonly variable?: string
  readonly least: number
  readonly most: number
  readonly byDefault: number
}

export interface ChoiceOption<Choice extends string> {
  readonly option?: string
  readonly variable?: string
  readonly choices: readonly Choice[]
  readonly byDefault: Choice
}

/** Names and values of headers and attributes beyond these are nobody's intention. */
const MOST_PAIRS = 128
const LONGEST_TEXT = 4_096

/**
 * Reads what the application and its environment say, and tells what is wrong with it: a value that cannot be used is
 * replaced by the default, or by the bound that it is beyond, and never fails the application.
 */
export class OptionReader {
  readonly #options: Readonly<Record<string, unknown>>
  readonly #environment: Readonly<Record<string, string | undefined>>
  readonly #onProblem: (problem: string) => void
  readonly #known = new Set<string>()

  constructor(
    options: unknown,
    environment: Readonly<Record<string, string | undefined>>,
    onProblem: (problem: string) => void,
  ) {
    const isObject = typeof options === 'object' && options !== null
    if (!isObject) onProblem('the options are no object, and are left out')
    this.#options = isObject ? (options as Readonly<Record<string, unknown>>) : {}
    this.#environment = environment
    this.#onProblem = onProblem
  }

  /** The option, or else the variable: both with the name to speak of it by. Empty is as good as not set. */
  #given(option: string | undefined, variable: string | undefined) {
    if (option !== undefined) {
      this.#known.add(option)
      const value = this.#options[option]
      if (value !== undefined && value !== null) return { name: option, value }
    }
    const value = variable === undefined ? undefined : this.#environment[variable]
    return value === undefined || value.trim() === '' ? undefined : { name: variable ?? '', value }
  }

  /** Of an option that is neither number nor text; whoever asks looks what it is. */
  given(option: string): unknown {
    return this.#given(option, undefined)?.value
  }

  isGiven(option: string, variable: string): boolean {
    return this.#given(option, variable) !== undefined
  }

  number({ option, variable, least, most, byDefault }: NumberOption): number {
    const given = this.#given(option, variable)
    if (given === undefined) return byDefault
    const { name, value } = given
    const number = typeof value === 'string' ? Number(value) : value
    if (typeof number !== 'number' || Number.isNaN(number)) {
      return this.#replaced(name, value, 'no number', byDefault)
    }
    if (number < least) return this.#replaced(name, value, `less than ${least}`, least)
    if (number > most) return this.#replaced(name, value, `more than ${most}`, most)
    return number
  }

  /** What the file says whose name the variable is. */
  file(variable: string): string | undefined {
    const path = this.text(undefined, variable)
    try {
      return path === undefined ? undefined : readFileSync(path, 'utf8')
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#onProblem(`${variable} is left out: ${why}`)
      return undefined
    }
  }

  choice<Choice extends string>({
    option,
    variable,
    choices,
    byDefault,
  }: ChoiceOption<Choice>): Choice {
    const given = this.#given(option, variable)
    if (given === undefined) return byDefault
    const { name, value } = given
    const found = choices.find(choice => choice === String(value).trim().toLowerCase())
    return found ?? this.#replaced(name, value, `none of ${choices.join(', ')}`, byDefault)
  }

  text(option: string | undefined, variable: string): string | undefined {
    const given = this.#given(option, variable)
    if (given === undefined) return undefined
    const { name, value } = given
    if (typeof value !== 'string') return this.#replaced(name, value, 'no text', undefined)
    const text = value.trim()
    if (text.length <= LONGEST_TEXT) return text === '' ? undefined : text
    return this.#replaced(name, text, `longer than ${LONGEST_TEXT} characters`, undefined)
  }

  /** Those of the variable, `key=value,…` with the values percent-encoded, and over them those of the option. */
  pairs(
    option: string,
    variable: string,
    isGood: (key: string, value: string) => boolean = () => true,
  ): Record<string, string> {
    this.#known.add(option)
    const given = this.#options[option] ?? {}
    const own = typeof given === 'object' ? given : {}
    if (own !== given) this.#replaced(option, given, 'no object', undefined)
    const kept: Record<string, string> = {}
    const all = [
      ...pairsOf(this.#environment[variable] ?? '').map(pair => [variable, ...pair] as const),
      ...Object.entries(own).map(([key, value]) => [option, key, value] as const),
    ]
    for (const [name, key, value] of all.slice(0, MOST_PAIRS)) {
      const isPlain = ['string', 'number', 'boolean'].includes(typeof value)
      const text = String(value)
      if (!isPlain || text.length > LONGEST_TEXT || !isGood(key, text)) {
        this.#onProblem(`the value of ${key} in ${name} cannot be used, and is left out`)
      } else kept[key] = text
    }
    if (all.length > MOST_PAIRS) {
      this.#onProblem(`there are more than ${MOST_PAIRS} in ${variable}: the rest is left out`)
    }
    return kept
  }

  /** To be called after all that there is was read. */
  tellUnknown(): void {
    for (const name of Object.keys(this.#options)) {
      if (!this.#known.has(name)) this.#onProblem(`there is no option called ${name}`)
    }
  }

  #replaced<Value>(name: string, given: unknown, why: string, by: Value): Value {
    const told = String(given).slice(0, 60)
    const instead = by === undefined ? 'it is left out' : `${by} is taken`
    this.#onProblem(`${name} is ${why} ("${told}"): ${instead}`)
    return by
  }
}

export function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}

function pairsOf(text: string): [string, string][] {
  return text.split(',').flatMap(pair => {
    const equals = pair.indexOf('=')
    if (equals <= 0) return []
    const value = pair.slice(equals + 1).trim()
    return [[pair.slice(0, equals).trim(), decoded(value)] satisfies [string, string]]
  })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
