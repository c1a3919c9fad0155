import { LONGEST_FUTURE_MS } from '../../../settings/ingest.ts'

const MS_PER_S = 1_000

/**
 * What happened at `unixNs` or later came in no earlier than this: event times ahead of ours by more than the
 * settings can allow are refused. Partitions are by the time of receipt, so this keeps older ones unread; there
 * is no end to it, since what is late may be late by days.
 */
export function receivedSince(unixNs: string): string {
  return `received_at >= toDateTime(intDiv(${unixNs}, 1000000000), 'UTC') - INTERVAL ${LONGEST_FUTURE_MS / MS_PER_S} SECOND`
}
