import type { RequestRange } from './request-range.ts'

const WINDOWS_MS = [15 * 60_000, 3 * 3_600_000, 36 * 3_600_000]

/**
 * Asks for the newest rows of a range in windows that grow backwards from its end: what is newest is nearly
 * always in the last minutes, and a week need not be read to find twenty of them. The newest rows of a window
 * are the newest of the range, so an answer that is full is the answer.
 */
export async function newestFirst<Row>(
  range: RequestRange,
  ask: (window: RequestRange) => Promise<readonly Row[]>,
  isFull: (rows: readonly Row[]) => boolean,
): Promise<readonly Row[]> {
  for (const windowMs of WINDOWS_MS) {
    const fromUnixMs = range.toUnixMs - windowMs
    if (fromUnixMs <= range.fromUnixMs) break
    const rows = await ask({ ...range, fromUnixMs })
    if (isFull(rows)) return rows
  }
  return ask(range)
}
