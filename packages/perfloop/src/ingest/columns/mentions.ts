/** Something with a row of its own in another table, which spans refer to. */
export interface Mentioned {
  /** When its row was last given out, Unix seconds; and in which epoch. */
  mentionedAt: number
  mentionEpoch: number
}

/** A row is given out again after so long, so that its `last_seen` follows. */
const MENTION_AGAIN_SECONDS = 3600

/**
 * Which rows of resources, shapes and patterns have been given out. The rows are named by their content,
 * so one too many does no harm; one too few would leave a span without its attributes.
 */
export class Mentions {
  private epoch = 0
  private readonly journal: Mentioned[] = []
  private readonly previousTimes: number[] = []
  private readonly previousEpochs: number[] = []
  nowUnixSeconds = 0

  /** True when the caller must write the row. */
  isDue(mentioned: Mentioned): boolean {
    return (
      mentioned.mentionEpoch !== this.epoch ||
      this.nowUnixSeconds - mentioned.mentionedAt > MENTION_AGAIN_SECONDS
    )
  }

  record(mentioned: Mentioned): void {
    this.journal.push(mentioned)
    this.previousTimes.push(mentioned.mentionedAt)
    this.previousEpochs.push(mentioned.mentionEpoch)
    mentioned.mentionedAt = this.nowUnixSeconds
    mentioned.mentionEpoch = this.epoch
  }

  mark(): void {
    this.journal.length = 0
    this.previousTimes.length = 0
    this.previousEpochs.length = 0
  }

  rollBack(): void {
    for (let i = this.journal.length - 1; i >= 0; i--) {
      const mentioned = this.journal[i]
      if (mentioned === undefined) continue
      mentioned.mentionedAt = this.previousTimes[i] ?? 0
      mentioned.mentionEpoch = this.previousEpochs[i] ?? -1
    }
    this.mark()
  }

  /** After a block was lost before it was durable: every row is due again. */
  forget(): void {
    this.epoch++
  }
}
