import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { Signal } from '../ingest-buffer.ts'
import {
  type Field,
  type FieldType,
  MESSAGES,
  type Message,
  type MessageName,
} from './otlp-schema.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

/**
 * OTLP JSON is translated to protobuf and decoded as that: one decoder, one set of limits, and the same
 * rows by construction. JSON senders are few (browsers, scripts), and parsing JSON costs most of it anyway.
 *
 * Read leniently: camelCase or snake_case names, 64-bit numbers as strings or numbers, enums by name or
 * number, ids in hexadecimal or, where the length fits only that, base64; unknown names are skipped.
 */
export function otlpJsonToProtobuf(signal: Signal, body: Uint8Array): Uint8Array {
  const writer = new ProtobufWriter()
  writeMessage(writer, signal, parse(body), '', 0)
  return writer.finish()
}

/** Values nested deeper than any limit of ours are left out here; what is deeper than the limit, later. */
const DEEPEST = 200
const LONG_INTEGERS = /"(?:[^"\\]|\\.)*"|-?\b\d{16,}\b(?![.eE])/g

function parse(body: Uint8Array): unknown {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (cause) {
    throw unreadable('', 'UTF-8 text', cause)
  }
  try {
    return JSON.parse(withExactIntegers(text))
  } catch (cause) {
    // The engine's own words have the place, or what stands around it.
    throw unreadable('', `JSON: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  }
}

/** Integers of 16 digits and more are read as strings: a double would round nanoseconds. */
function withExactIntegers(text: string): string {
  if (!/[:[,]\s*-?\d{16}/.test(text)) return text
  return text.replace(LONG_INTEGERS, found => (found.startsWith('"') ? found : `"${found}"`))
}

function writeMessage(
  writer: ProtobufWriter,
  name: MessageName,
  value: unknown,
  path: string,
  depth: number,
): void {
  if (!isObject(value)) throw unreadable(path, 'an object')
  if (depth > DEEPEST) return
  const message = MESSAGES[name]
  for (const [sentName, content] of Object.entries(value)) {
    const [fieldName, field] = findField(message, sentName)
    if (field === undefined || content === null) continue
    const fieldPath = path === '' ? fieldName : `${path}.${fieldName}`
    writeField(writer, field, content, fieldPath, depth)
  }
}

function findField(message: Message, sentName: string): readonly [string, Field | undefined] {
  if (Object.hasOwn(message, sentName)) return [sentName, message[sentName]]
  const name = sentName.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return [name, Object.hasOwn(message, name) ? message[name] : undefined]
}

function writeField(
  writer: ProtobufWriter,
  { number, type }: Field,
  value: unknown,
  path: string,
  depth: number,
): void {
  if (typeof type === 'string') {
    writePlain(writer, number, type, value, path)
  } else if ('message' in type) {
    const { message } = type
    writer.nested(number, () => writeMessage(writer, message, value, path, depth + 1))
  } else if ('messages' in type) {
    const { messages } = type
    listOf(value, path).forEach((item, i) => {
      const itemPath = `${path}[${i}]`
      const content = item === null && messages === 'anyValue' ? {} : item
      writer.nested(number, () => writeMessage(writer, messages, content, itemPath, depth + 1))
    })
  } else {
    writer.varint(number, BigInt(enumNumber(type, value, path)))
  }
}

function writePlain(
  writer: ProtobufWriter,
  number: number,
  type: Extract<FieldType, string>,
  value: unknown,
  path: string,
): void {
  switch (type) {
    case 'string':
      writer.text(number, textValue(value, path))
      return
    case 'id':
      writer.bytes(number, idBytes(textValue(value, path)))
      return
    case 'bytes':
      writer.bytes(number, Buffer.from(textValue(value, path), 'base64'))
      return
    case 'bool':
      writer.varint(number, boolValue(value, path) ? 1n : 0n)
      return
    case 'double':
      writer.double(number, doubleValue(value, path))
      return
    case 'int64':
      writer.varint(number, intValue(value, path))
      return
    case 'uint32':
      writer.varint(number, BigInt.asUintN(32, intValue(value, path)))
      return
    case 'sint32':
      writer.varint(number, zigzag(intValue(value, path)))
      return
    case 'fixed32':
      writer.fixed32(number, Number(BigInt.asUintN(32, intValue(value, path))))
      return
    case 'fixed64':
    case 'sfixed64':
      writer.fixed64(number, intValue(value, path))
      return
    case 'doubles':
      writePacked(writer, number, value, path, (item, at) =>
        writer.rawDouble(doubleValue(item, at)),
      )
      return
    case 'fixed64s':
      writePacked(writer, number, value, path, (item, at) => writer.rawFixed64(intValue(item, at)))
      return
    case 'uint64s':
      writePacked(writer, number, value, path, (item, at) => writer.rawVarint(intValue(item, at)))
  }
}

function writePacked(
  writer: ProtobufWriter,
  number: number,
  value: unknown,
  path: string,
  write: (item: unknown, path: string) => void,
): void {
  const list = listOf(value, path)
  writer.nested(number, () => {
    for (const [i, item] of list.entries()) write(item, `${path}[${i}]`)
  })
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw unreadable(path, 'an array')
  return value
}

function textValue(value: unknown, path: string): string {
  if (typeof value !== 'string') throw unreadable(path, 'a string')
  return value
}

function boolValue(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value
  if (value === 'true' || value === 'false') return value === 'true'
  throw unreadable(path, 'true or false')
}

function doubleValue(value: unknown, path: string): number {
  if (typeof value === 'number') return value
  if (value === 'NaN') return Number.NaN
  if (typeof value === 'string' && value.trim() !== '') {
    const number = Number(value)
    if (!Number.isNaN(number)) return number
  }
  throw unreadable(path, 'a number')
}

function intValue(value: unknown, path: string): bigint {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value)
  if (typeof value === 'string' && /^[+-]?\d{1,20}$/.test(value)) return BigInt(value)
  throw unreadable(path, 'an integer')
}

function enumNumber(
  type: { readonly enum: readonly string[]; readonly prefix: string },
  value: unknown,
  path: string,
): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value
  if (typeof value === 'string') {
    if (/^\d{1,9}$/.test(value)) return Number(value)
    const name = value.startsWith(type.prefix) ? value.slice(type.prefix.length) : value
    const place = type.enum.indexOf(name.toUpperCase())
    if (place >= 0) return place
  }
  throw unreadable(path, `one of ${type.enum.map(name => type.prefix + name).join(', ')}`)
}

const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/
/** An id no span can have: the span is refused for it, not the batch. */
const NO_ID = Uint8Array.of(0)

function idBytes(text: string): Uint8Array {
  if (/^(?:[0-9a-fA-F]{2})*$/.test(text)) return Buffer.from(text, 'hex')
  const bytes = BASE64.test(text) ? Buffer.from(text, 'base64') : NO_ID
  return bytes.length === 16 || bytes.length === 8 ? bytes : NO_ID
}

function zigzag(value: bigint): bigint {
  return BigInt.asUintN(32, (value << 1n) ^ (value >> 63n))
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unreadable(path: string, expected: string, cause?: unknown): PerfloopError {
  return new PerfloopError('OTLP_BODY_UNREADABLE', { path, expected }, cause)
}
