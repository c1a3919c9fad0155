import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import { completeTraces } from './complete-traces.ts'

/**
 * The OTLP JSON export requests of a trace file, each as its own bytes: one request, a JSON array of requests,
 * or one a line as the Collector's file exporter writes them; gzip or not. Requests of other signals, which
 * may stand between them, are left out.
 */
export function readTraceFile(file: string): readonly Uint8Array[] {
  const text = decode(file, readBytes(file))
  const requests = parse(file, text).filter(({ value }) => isTraceRequest(value))
  if (requests.length === 0) {
    throw unreadable(file, { expected: 'an object with "resourceSpans"', found: text.slice(0, 80) })
  }
  const completed = completeTraces(requests.map(({ value }) => value))
  return requests.map(({ value, json }, index) =>
    Buffer.from(completed[index] === value ? json : JSON.stringify(completed[index])),
  )
}

function readBytes(file: string): Buffer {
  try {
    const bytes = readFileSync(file)
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes
  } catch (cause) {
    throw unreadable(
      file,
      { reason: cause instanceof Error ? cause.message : String(cause) },
      cause,
    )
  }
}

function decode(file: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw unreadable(file, { reason: 'it is not UTF-8 text; protobuf files are not read' }, cause)
  }
}

interface Part {
  readonly value: unknown
  readonly json: string
}

function parse(file: string, text: string): readonly Part[] {
  const whole = tryParse(text)
  if ('value' in whole) {
    const { value } = whole
    return Array.isArray(value)
      ? value.map(item => ({ value: item, json: JSON.stringify(item) }))
      : [{ value, json: text }]
  }
  return parseLines(file, text, whole.reason)
}

function parseLines(file: string, text: string, reasonAsOne: string): readonly Part[] {
  const lines = text.split('\n')
  const parts: Part[] = []
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue
    const parsed = tryParse(line)
    if ('reason' in parsed) {
      // When not even the first line stands by itself, the file was meant as one document.
      const where = parts.length === 0 ? reasonAsOne : `line ${index + 1}: ${parsed.reason}`
      throw unreadable(file, { reason: where })
    }
    parts.push({ value: parsed.value, json: line })
  }
  if (parts.length === 0) throw unreadable(file, { reason: 'it is empty' })
  return parts
}

function tryParse(text: string): { readonly value: unknown } | { readonly reason: string } {
  try {
    return { value: JSON.parse(text) }
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) }
  }
}

function isTraceRequest(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    (('resourceSpans' in value && Array.isArray(value.resourceSpans)) ||
      ('resource_spans' in value && Array.isArray(value.resource_spans)))
  )
}

export function unreadable(
  file: string,
  details: Readonly<Record<string, unknown>>,
  cause?: unknown,
): PerfloopError {
  return new PerfloopError('TRACE_FILE_UNREADABLE', { file, ...details }, cause)
}
