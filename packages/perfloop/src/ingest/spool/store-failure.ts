import { PerfloopError } from '../../domain/perfloop-error.ts'

/**
 * ClickHouse errors that tell of the state of the store and not of the rows: memory, disk, limits, locks,
 * replication, rights, a schema that is not there (yet), shutting down. Waiting, or an operator, cures them. (Codes: ClickHouse, src/Common/ErrorCodes.cpp.)
 */
const STATES = new Set([
  3, 60, 74, 75, 76, 81, 159, 160, 201, 202, 203, 209, 210, 216, 225, 236, 241, 242, 243, 244, 246,
  252, 285, 286, 319, 394, 410, 439, 473, 497, 516, 517, 519, 999,
])

/**
 * Whether an insert failed for the state of the store, so that the same rows are to be tried again, rather
 * than for the rows themselves.
 */
export function isStoreState(error: unknown): boolean {
  if (error instanceof PerfloopError && error.code === 'STORE_UNREACHABLE') return true
  const code = clickhouseCode(error)
  return code !== undefined && STATES.has(code)
}

function clickhouseCode(error: unknown): number | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const details = cause instanceof PerfloopError ? Object.values(cause.details) : []
    for (const text of [cause.message, ...details]) {
      const match = typeof text === 'string' ? /\bCode: (\d+)/.exec(text) : null
      if (match !== null) return Number(match[1])
    }
  }
  return undefined
}
