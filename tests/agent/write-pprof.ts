import { gzipSync } from 'node:zlib'
import protobuf from 'protobufjs'

// From google/pprof, written by a library that is not ours.
const { root } = protobuf.parse(`
syntax = "proto3";
message Profile {
  repeated ValueType sample_type = 1; repeated Sample sample = 2; repeated Mapping mapping = 3;
  repeated Location location = 4; repeated Function function = 5; repeated string string_table = 6;
  int64 time_nanos = 9; int64 duration_nanos = 10; ValueType period_type = 11; int64 period = 12;
}
message ValueType { int64 type = 1; int64 unit = 2; }
message Sample { repeated uint64 location_id = 1; repeated int64 value = 2; repeated Label label = 3; }
message Label { int64 key = 1; int64 str = 2; }
message Mapping { uint64 id = 1; string filename = 5; }
message Location { uint64 id = 1; uint64 mapping_id = 2; uint64 address = 3; repeated Line line = 4; }
message Line { uint64 function_id = 1; int64 line = 2; }
message Function { uint64 id = 1; int64 name = 2; int64 system_name = 3; int64 filename = 4; int64 start_line = 5; }
`)
const Message = root.lookupType('Profile')

/**
 * Stacks as `outer;inner`, with nanoseconds; two value types, of which the last counts. A function is in /app/shop.js,
 * or where its name says: `send@node:http`; the engine's, `(idle)`, is in none.
 */
export function pprof(stacks: Readonly<Record<string, number>>): Buffer {
  const texts = ['', 'samples', 'count', 'cpu', 'nanoseconds']
  const names = [...new Set(Object.keys(stacks).flatMap(stack => stack.split(';')))]
  const numberOf = (text: string) => {
    if (!texts.includes(text)) texts.push(text)
    return texts.indexOf(text)
  }
  const idOf = (name: string) => names.indexOf(name) + 1
  const functions = names.map(place => {
    const [name = '', file = name.startsWith('(') ? '' : '/app/shop.js'] = place.split('@', 2)
    return { id: idOf(place), name: numberOf(name), filename: numberOf(file) }
  })
  const profile = Message.fromObject({
    sampleType: [
      { type: 1, unit: 2 },
      { type: 3, unit: 4 },
    ],
    sample: Object.entries(stacks).map(([stack, value]) => ({
      locationId: stack.split(';').reverse().map(idOf),
      value: [1, value],
    })),
    location: names.map(name => ({
      id: idOf(name),
      line: [{ functionId: idOf(name), line: idOf(name) * 10 }],
    })),
    function: functions,
    stringTable: texts,
    durationNanos: 2e9,
  })
  return gzipSync(Message.encode(profile).finish())
}
