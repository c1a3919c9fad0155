import type { Analyzer } from '../analysis/analyzer.ts'
import { builtEntry } from '../domain/built-entry.ts'
import { errorRate } from './error-rate/error-rate.ts'
import { eventLoopBlock } from './event-loop-block/event-loop-block.ts'
import { largeResult } from './large-result/large-result.ts'
import { memoryLeak } from './memory-leak/memory-leak.ts'
import { missingIndex } from './missing-index/missing-index.ts'
import { nPlusOne } from './n-plus-one/n-plus-one.ts'
import { poolLeak } from './pool-leak/pool-leak.ts'
import { poolWait } from './pool-wait/pool-wait.ts'
import { repeatedCall } from './repeated-call/repeated-call.ts'
import { repeatedRead } from './repeated-read/repeated-read.ts'
import { slowOperation } from './slow-operation/slow-operation.ts'
import { slowStatement } from './slow-statement/slow-statement.ts'

/** Analyzers that come with Perfloop. They see nothing that a stranger's plugin would not see. */
export const BUILT_IN_ANALYZERS: readonly Analyzer[] = [
  nPlusOne,
  slowStatement,
  slowOperation,
  errorRate,
  missingIndex,
  memoryLeak,
  poolWait,
  poolLeak,
  eventLoopBlock,
  repeatedCall,
  largeResult,
  repeatedRead,
]

/** Entry of the worker thread in which they judge; it stands with the server, which may import what serves them. */
export function builtInJudgeWorker(): URL {
  return builtEntry(import.meta.url, '../server/judge.worker.ts')
}
