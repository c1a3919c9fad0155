import type { MessagePort } from 'node:worker_threads'
import type { Analyzer } from './analyzer.ts'
import { type JudgeRequest, judge } from './judge.ts'

/** The worker's side of the judge pool: says that it is ready, then gives one answer to each request, in order. */
export function serveJudge(port: MessagePort, analyzers: readonly Analyzer[]): void {
  port.on('message', (request: JudgeRequest) => {
    const answer = judge(analyzers, request)
    try {
      port.postMessage(answer)
    } catch (error) {
      port.postMessage({ status: 'failed', reason: `findings cannot be sent: ${String(error)}` })
    }
  })
  port.postMessage({ status: 'judged', findings: [] })
}
