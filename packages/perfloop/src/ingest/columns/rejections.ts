/** Why one span, point or record is refused while the rest of its request is taken. */
export type RejectionReason =
  | 'invalid_id'
  | 'invalid_time'
  | 'invalid_number'
  | 'too_old'
  | 'too_new'
  | 'too_many'
  | 'no_data'

const WORDS: Readonly<Record<RejectionReason, string>> = {
  invalid_id: 'with a trace or span id of the wrong length or all zero',
  invalid_time: 'with a time that is missing or an end before the start',
  invalid_number: 'with a value that is not a finite number',
  too_old: 'older than ingest.maxPastMs allows',
  too_new: 'further ahead than ingest.maxFutureMs allows',
  too_many: 'beyond ingest.maxSpansPerRequest',
  no_data: 'of a kind that is not known',
}

/** What one request had refused, by reason. */
export class Rejections {
  private readonly counts = new Map<RejectionReason, number>()
  total = 0

  add(reason: RejectionReason): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1)
    this.total++
  }

  entries(): Iterable<readonly [RejectionReason, number]> {
    return this.counts
  }

  /** For OTLP's partial success: `2 refused: 2 older than …`. */
  message(): string {
    if (this.total === 0) return ''
    const parts = [...this.counts].map(([reason, count]) => `${count} ${WORDS[reason]}`)
    return `${this.total} refused: ${parts.join(', ')}`
  }
}
