import { BYTES, fields, type ProtobufReader } from './protobuf-reader.ts'

/**
 * The frame that all three export requests share: resources, their scopes, and what was recorded
 * (spans, metrics, log records). `read…` find the reader at the start of their message and leave it at `end`.
 */
export interface ExportVisitor {
  /** Called before the scopes of the resource, also when it is sent behind them or not at all. */
  readResource(reader: ProtobufReader, end: number): void
  readScope(reader: ProtobufReader, end: number): void
  readItem(reader: ProtobufReader, end: number): void
}

/** Where the walk is, for messages about malformed bodies; -1 for levels not entered. */
export interface ExportPlace {
  resource: number
  scope: number
  item: number
  /** Where the message of the resource at hand and of all that it sent starts and ends. */
  resourceStart: number
  resourceEnd: number
}

const FIRST = (1 << 3) | BYTES
const SECOND = (2 << 3) | BYTES
const FRAME_FIELDS = fields(1, 2)

export function walkExportRequest(
  reader: ProtobufReader,
  visitor: ExportVisitor,
  place: ExportPlace,
): void {
  const end = reader.bytes.length
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag !== FIRST) {
      reader.unexpected(tag, end, fields(1))
      continue
    }
    place.resource++
    reader.enter(end)
    place.resourceStart = reader.at
    place.resourceEnd = reader.fieldEnd
    walkFrame(
      reader,
      reader.fieldEnd,
      (from, to) => visitor.readResource(at(reader, from), to),
      (from, to) => {
        place.scope++
        at(reader, from)
        walkScope(reader, to, visitor, place)
      },
    )
    place.scope = -1
  }
  place.resource = -1
}

function walkScope(
  reader: ProtobufReader,
  end: number,
  visitor: ExportVisitor,
  place: ExportPlace,
): void {
  walkFrame(
    reader,
    end,
    (from, to) => visitor.readScope(at(reader, from), to),
    (from, to) => {
      place.item++
      visitor.readItem(at(reader, from), to)
    },
  )
  place.item = -1
}

/** A message whose field 1 describes what its fields 2 hold: the description is given first in any order. */
function walkFrame(
  reader: ProtobufReader,
  end: number,
  describe: (from: number, to: number) => void,
  each: (from: number, to: number) => void,
): void {
  const start = reader.at
  let isDescribed = false
  let hasWaiting = false
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag === FIRST) {
      reader.enter(end)
      const to = reader.fieldEnd
      describe(reader.at, to)
      reader.at = to
      isDescribed = true
    } else if (tag === SECOND) {
      reader.enter(end)
      const to = reader.fieldEnd
      if (isDescribed) each(reader.at, to)
      else hasWaiting = true
      reader.at = to
    } else {
      reader.unexpected(tag, end, FRAME_FIELDS)
    }
  }
  if (hasWaiting) giveWaiting(reader, start, end, isDescribed, describe, each)
  reader.at = end
}

/** Second pass, for senders that put the description behind, or leave it out. */
function giveWaiting(
  reader: ProtobufReader,
  start: number,
  end: number,
  isDescribed: boolean,
  describe: (from: number, to: number) => void,
  each: (from: number, to: number) => void,
): void {
  if (!isDescribed) describe(end, end)
  reader.at = start
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag === FIRST && isDescribed) return
    if (tag !== SECOND) {
      reader.skip(tag, end)
      continue
    }
    reader.enter(end)
    const to = reader.fieldEnd
    each(reader.at, to)
    reader.at = to
  }
}

function at(reader: ProtobufReader, from: number): ProtobufReader {
  reader.at = from
  return reader
}
