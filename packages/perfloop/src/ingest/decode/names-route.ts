import { BYTES } from './protobuf-reader.ts'

const NAME = 'http.route'
const KEY_TAG = (1 << 3) | BYTES
const VALUE_TAG = (2 << 3) | BYTES
const TEXT_TAG = (1 << 3) | BYTES
/** A KeyValue message from its key on. */
const KEY = Buffer.concat([Buffer.of(KEY_TAG, NAME.length), Buffer.from(NAME)])

/** Whether an attribute `http.route` with a text is somewhere in these export messages, which are not walked for it. */
export function namesRoute(bytes: Uint8Array): boolean {
  const messages = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = messages.indexOf(KEY); at >= 0; at = messages.indexOf(KEY, at + KEY.length)) {
    if (isTextFollowing(messages, at + KEY.length)) return true
  }
  return false
}

/** The value: its tag and length, then the text's. Lengths of routes take one byte, or two from 128 on. */
function isTextFollowing(messages: Buffer, at: number): boolean {
  if (messages[at] !== VALUE_TAG) return false
  const isLong = (messages[at + 1] ?? 0) >= 0x80
  const text = at + (isLong ? 3 : 2)
  return messages[text] === TEXT_TAG && (messages[text + 1] ?? 0) > 0
}
