import { promisify } from 'node:util'
import { ProtobufWriter } from '../export/protobuf-writer.ts'
import { unixMs } from '../own-clock.ts'
import type { StackFrame } from './stack-frame.ts'

/** What a profile counts, such as `cpu` in `nanoseconds`. */
export interface ProfileUnit {
  readonly type: string
  readonly unit: string
}

/** Beyond, stacks that were not seen before are left out: a profile of some minutes has some thousands. */
const MOST_STACKS = 20_000

/**
 * A profile as pprof has it (https://github.com/google/pprof/blob/main/proto/profile.proto): how often each stack was
 * seen, and what that amounts to.
 */
export class Pprof {
  readonly #unit: ProfileUnit
  readonly #count: ProfileUnit
  readonly #startUnixMs = unixMs()
  readonly #stacks = new Map<
    string,
    { readonly locations: number[]; count: number; value: number }
  >()
  readonly #locations = new Map<string, number>()
  readonly #functions = new Map<string, number>()
  readonly #texts = new Map([['', 0]])
  readonly #tables = new ProtobufWriter()
  omitted = 0

  constructor(count: ProfileUnit, unit: ProfileUnit) {
    this.#count = count
    this.#unit = unit
  }

  get isEmpty(): boolean {
    return this.#stacks.size === 0
  }

  /** Innermost frame first. */
  add(stack: readonly StackFrame[], count: number, value: number): void {
    const locations = stack.map(frame => this.#location(frame))
    const key = locations.join()
    const known = this.#stacks.get(key)
    if (known !== undefined) {
      known.count += count
      known.value += value
    } else if (this.#stacks.size < MOST_STACKS) {
      this.#stacks.set(key, { locations, count, value })
    } else {
      this.omitted += count
    }
  }

  /** Gzipped, as whoever reads pprof expects it. */
  async bytes(durationMs: number): Promise<Buffer> {
    const writer = new ProtobufWriter()
    for (const unit of [this.#count, this.#unit]) {
      const message = writer.beginMessage(1)
      writer.integer(1, this.#text(unit.type))
      writer.integer(2, this.#text(unit.unit))
      writer.endMessage(message)
    }
    for (const { locations, count, value } of this.#stacks.values()) {
      const message = writer.beginMessage(2)
      writer.integers(1, locations)
      writer.integers(2, [count, Math.round(value)])
      writer.endMessage(message)
    }
    writer.raw(this.#tables.bytes())
    for (const text of this.#texts.keys()) writer.text(6, text)
    writer.integer(9, this.#startUnixMs * 1e6)
    writer.integer(10, Math.round(durationMs * 1e6))
    // Loaded when there is a profile.
    const { gzip } = process.getBuiltinModule('node:zlib')
    return await promisify(gzip)(writer.bytes())
  }

  #location({ name, file, line }: StackFrame): number {
    const key = `${line}\n${name}\n${file}`
    const known = this.#locations.get(key)
    if (known !== undefined) return known
    const id = this.#locations.size + 1
    this.#locations.set(key, id)
    const functionId = this.#function(name, file)
    const writer = this.#tables
    const location = writer.beginMessage(4)
    writer.integer(1, id)
    const at = writer.beginMessage(4)
    writer.integer(1, functionId)
    writer.integer(2, line)
    writer.endMessage(at)
    writer.endMessage(location)
    return id
  }

  #function(name: string, file: string): number {
    const key = `${name}\n${file}`
    const known = this.#functions.get(key)
    if (known !== undefined) return known
    const id = this.#functions.size + 1
    this.#functions.set(key, id)
    const nameText = this.#text(name === '' ? '(anonymous)' : name)
    const fileText = this.#text(file)
    const writer = this.#tables
    const message = writer.beginMessage(5)
    writer.integer(1, id)
    writer.integer(2, nameText)
    writer.integer(3, nameText)
    writer.integer(4, fileText)
    writer.endMessage(message)
    return id
  }

  #text(text: string): number {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    const index = this.#texts.size
    this.#texts.set(text, index)
    return index
  }
}
