/** Most messages are attributes: small, and very many. */
const FIRST_BYTES = 128

/** A protobuf writer that is just enough to build OTLP export requests, and tells where it wrote what. */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES)
  length = 0

  bytes(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.length))
  }

  varintField(field: number, value: number): void {
    this.#varint(field * 8)
    this.#varint(value)
  }

  fixed64Field(field: number, value: bigint): number {
    this.#varint(field * 8 + 1)
    this.#reserve(8)
    this.#bytes.writeBigUInt64LE(value, this.length)
    this.length += 8
    return this.length - 8
  }

  bytesField(field: number, value: Uint8Array): number {
    this.#varint(field * 8 + 2)
    this.#varint(value.length)
    this.#reserve(value.length)
    this.#bytes.set(value, this.length)
    this.length += value.length
    return this.length - value.length
  }

  stringField(field: number, value: string): void {
    this.bytesField(field, Buffer.from(value))
  }

  /** Writes a message; `patch` turns offsets inside it into offsets of this writer. */
  messageField(field: number, write: (message: ProtobufWriter) => void): number {
    const message = new ProtobufWriter()
    write(message)
    return this.bytesField(field, message.bytes())
  }

  attributeField(field: number, key: string, value: AttributeValue): void {
    this.messageField(field, pair => {
      pair.stringField(1, key)
      pair.messageField(2, any => {
        if (typeof value === 'string') any.stringField(1, value)
        else if (typeof value === 'boolean') any.varintField(2, value ? 1 : 0)
        else any.varintField(3, value)
      })
    })
  }

  #varint(value: number): void {
    this.#reserve(10)
    let rest = value
    while (rest >= 128) {
      this.#bytes[this.length++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.length++] = rest
  }

  #reserve(size: number): void {
    if (this.length + size <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.length + size))
    this.#bytes.copy(larger, 0, 0, this.length)
    this.#bytes = larger
  }
}

/** Strings, booleans and non-negative integers. */
export type AttributeValue = string | number | boolean
