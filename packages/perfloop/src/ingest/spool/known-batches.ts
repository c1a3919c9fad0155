import type { BatchDigest } from './batch-digest.ts'

/** The newest durable batches, in memory; the oldest are forgotten beyond `capacity`. */
export class KnownBatches {
  readonly #capacity: number
  readonly #digests = new Set<BatchDigest>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#digests.size
  }

  has(digest: BatchDigest): boolean {
    return this.#digests.has(digest)
  }

  add(digest: BatchDigest): void {
    this.#digests.add(digest)
    if (this.#digests.size <= this.#capacity) return
    // A Set gives its members in the order they came.
    for (const oldest of this.#digests) {
      this.#digests.delete(oldest)
      break
    }
  }
}
