import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { PerfloopError } from '../domain/perfloop-error.ts'
import { BYTES, ProtobufReader } from '../ingest/decode/protobuf-reader.ts'

/** A profile, as much of it as is shown. */
export interface Profile {
  /** What its samples count, such as `cpu` in `nanoseconds`: the last value type, by pprof's custom. */
  readonly type: string
  readonly unit: string
  readonly durationNs: number
  readonly samples: readonly ProfileSample[]
}

export interface ProfileSample {
  readonly value: number
  /** Innermost first, as pprof has them. */
  readonly stack: readonly ProfileFrame[]
}

export interface ProfileFrame {
  readonly name: string
  readonly file: string
  readonly line: number
}

/** Of one that is unpacked: more than any true profile of some minutes has. */
const MOST_BYTES = 16 * 1024 * 1024
const MOST_SAMPLES = 500_000
const MOST_LOCATIONS = 500_000
const MOST_TYPES = 100
/** Of all stacks together: a byte names a location, which may stand for many frames. */
const MOST_FRAMES = 1_000_000
/** Functions of one location that were inlined into each other. */
const MOST_LINES = 64
const DEEPEST_STACK = 1_024
/** Bytes of a name or path; they are told for each frame that is shown. */
const LONGEST_TEXT = 1_024
/** An int64 below zero, read as it comes: in two's complement. */
const FIRST_NEGATIVE = 2 ** 63
/** Highest field of a message of numbers that is looked at. */
const LAST_NUMBER = 5

const unpack = promisify(gunzip)

/**
 * https://github.com/google/pprof/blob/main/proto/profile.proto, gzipped. Tables refer to each other by id and may
 * come in any order, so fields are first collected and then joined.
 */
export function readProfile(gzipped: Uint8Array): Promise<Profile> {
  return unpacked(gzipped, bytes => join(collect(bytes)))
}

/**
 * Whether it is one, without joining its tables, which takes several times as long: for the thread that receives them. What is
 * wrong with the rest is told by whoever reads it.
 */
export function checkProfile(gzipped: Uint8Array): Promise<void> {
  return unpacked(gzipped, skim)
}

async function unpacked<Result>(
  gzipped: Uint8Array,
  read: (bytes: Uint8Array) => Result,
): Promise<Result> {
  try {
    return read(await unpack(gzipped, { maxOutputLength: MOST_BYTES }))
  } catch (cause) {
    if (cause instanceof PerfloopError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PerfloopError('PROFILE_UNREADABLE', { reason }, cause)
  }
}

interface ValueType {
  readonly type: number
  readonly unit: number
}

interface Line {
  readonly functionId: number
  readonly line: number
}

interface Tables {
  readonly texts: string[]
  readonly types: ValueType[]
  readonly samples: { readonly locations: number[]; readonly values: number[] }[]
  readonly locations: Map<number, Line[]>
  readonly functions: Map<number, { readonly name: number; readonly file: number }>
  /** Of all locations. */
  lines: number
  /** Locations named by all samples. */
  named: number
  durationNs: number
}

function collect(bytes: Uint8Array): Tables {
  const reader = new ProtobufReader(bytes)
  const tables: Tables = {
    texts: [],
    types: [],
    samples: [],
    locations: new Map(),
    functions: new Map(),
    lines: 0,
    named: 0,
    durationNs: 0,
  }
  const decoder = new TextDecoder()
  eachField(reader, bytes.length, (field, end) => {
    switch (field) {
      case 1: {
        bound(tables.types.length, MOST_TYPES)
        const { 1: type = 0, 2: unit = 0 } = numbers(reader, end)
        tables.types.push({ type, unit })
        return true
      }
      case 2: {
        bound(tables.samples.length, MOST_SAMPLES)
        const sample = readSample(reader, end)
        tables.named += sample.locations.length
        bound(tables.named, MOST_FRAMES)
        tables.samples.push(sample)
        return true
      }
      case 4:
        bound(tables.locations.size, MOST_LOCATIONS)
        tables.lines += readLocation(reader, end, tables.locations)
        bound(tables.lines, MOST_FRAMES)
        return true
      case 5: {
        bound(tables.functions.size, MOST_LOCATIONS)
        const { 1: id = 0, 2: name = 0, 4: file = 0 } = numbers(reader, end)
        tables.functions.set(id, { name, file })
        return true
      }
      case 6:
        bound(tables.texts.length, MOST_LOCATIONS)
        tables.texts.push(
          decoder.decode(bytes.subarray(reader.at, Math.min(end, reader.at + LONGEST_TEXT))),
        )
        reader.at = end
        return true
      case 10:
        tables.durationNs = end
        return true
      default:
        return false
    }
  })
  return tables
}

function skim(bytes: Uint8Array): void {
  const reader = new ProtobufReader(bytes)
  let types = 0
  let samples = 0
  eachField(reader, bytes.length, (field, end) => {
    if (field === 1) types++
    if (field !== 2) return false
    bound(++samples, MOST_SAMPLES)
    readSample(reader, end)
    return true
  })
  if (types === 0) throw new PerfloopError('PROFILE_UNREADABLE', { reason: 'no value type' })
}

function readSample(reader: ProtobufReader, end: number) {
  const locations: number[] = []
  const values: number[] = []
  eachField(reader, end, (field, value, isPacked) => {
    const list = field === 1 ? locations : field === 2 ? values : undefined
    if (list === undefined) return false
    if (!isPacked) list.push(value)
    while (isPacked && reader.at < value) {
      list.push(number(reader, value))
      bound(list.length, DEEPEST_STACK)
    }
    bound(list.length, DEEPEST_STACK)
    return true
  })
  // The difference of two profiles has such values, and no flame graph.
  if (values.some(value => value >= FIRST_NEGATIVE)) {
    throw new PerfloopError('PROFILE_UNREADABLE', { reason: 'it has negative values' })
  }
  return { locations, values }
}

/** How many lines it has. */
function readLocation(reader: ProtobufReader, end: number, into: Tables['locations']): number {
  let id = 0
  const lines: Line[] = []
  eachField(reader, end, (field, value, isMessage) => {
    if (field === 1) id = value
    else if (field === 4 && isMessage) {
      bound(lines.length, MOST_LINES)
      const { 1: functionId = 0, 2: line = 0 } = numbers(reader, value)
      lines.push({ functionId, line })
    } else return field <= 3 && !isMessage
    return true
  })
  into.set(id, lines)
  return lines.length
}

/** A message of numbers only: by field. */
function numbers(reader: ProtobufReader, end: number): Record<number, number> {
  const found: Record<number, number> = {}
  eachField(reader, end, (field, value, isMessage) => {
    if (isMessage || field > LAST_NUMBER) return false
    found[field] = value
    return true
  })
  return found
}

/**
 * Calls with each field: a number's value, or the end of a length-delimited one, which `take` then reads. What it does
 * not take is stepped over.
 */
function eachField(
  reader: ProtobufReader,
  end: number,
  take: (field: number, valueOrEnd: number, isDelimited: boolean) => boolean,
): void {
  while (reader.at < end) {
    const tag = reader.tag(end)
    const field = tag >>> 3
    if ((tag & 7) === BYTES) {
      reader.enter(end)
      const { fieldEnd } = reader
      if (!take(field, fieldEnd, true)) reader.at = fieldEnd
    } else if ((tag & 7) === 0) take(field, number(reader, end), false)
    else reader.skip(tag, end)
  }
}

/** Values beyond 2^53 lose their last digits: nobody profiles for a hundred days. */
function number(reader: ProtobufReader, end: number): number {
  reader.wide(end)
  return reader.high * 2 ** 32 + reader.low
}

function bound(count: number, most: number): void {
  if (count > most) throw new PerfloopError('PROFILE_UNREADABLE', { reason: `more than ${most}` })
}

function join({ texts, types, samples, locations, functions, durationNs }: Tables): Profile {
  const last = types.length - 1
  const type = types[last]
  const text = (index: number) => texts[index] ?? ''
  if (type === undefined) throw new PerfloopError('PROFILE_UNREADABLE', { reason: 'no value type' })
  const frames = new Map<number, readonly ProfileFrame[]>()
  for (const [id, lines] of locations) {
    frames.set(
      id,
      lines.map(({ functionId, line }) => {
        const known = functions.get(functionId)
        const name = text(known?.name ?? 0)
        return { name: name === '' ? '(anonymous)' : name, file: text(known?.file ?? 0), line }
      }),
    )
  }
  let framesOfAll = 0
  return {
    type: text(type.type),
    unit: text(type.unit),
    durationNs,
    samples: samples.map(({ values, locations: ids }) => {
      const stack: ProfileFrame[] = []
      for (const id of ids) {
        stack.push(...(frames.get(id) ?? []))
        bound(stack.length, DEEPEST_STACK)
      }
      framesOfAll += stack.length
      bound(framesOfAll, MOST_FRAMES)
      return { value: values[last] ?? 0, stack }
    }),
  }
}
