// The exporting thread: columns to OTLP, OTLP to the server.
import { parentPort, workerData } from 'node:worker_threads'
import type { SentBatch } from '../record/span-batch.ts'
import { SpanEncoder } from './encode-spans.ts'
import type { ExportReport, ExportThreadData } from './export-message.ts'
import { ExportQueue } from './export-queue.ts'

const { target, schemas, unfinished } = workerData as ExportThreadData
const encoder = new SpanEncoder(schemas, target.resource)
const unfinishedCount = new Int32Array(unfinished)

const queue = new ExportQueue(target, {
  onDone: done,
  onProblem: (problem, lost) => report({ type: 'problem', problem, lost }),
})

function done(): void {
  Atomics.sub(unfinishedCount, 0, 1)
  Atomics.notify(unfinishedCount, 0)
}

function report(message: ExportReport): void {
  parentPort?.postMessage(message, message.type === 'buffer' ? [message.buffer] : [])
}

parentPort?.on('message', (batch: SentBatch) => {
  let lost = batch.dropped
  try {
    const body = encoder.encode(batch)
    queue.add(body, batch.rows)
  } catch (error) {
    lost += batch.rows
    done()
    report({ type: 'problem', problem: `a batch cannot be encoded: ${String(error)}`, lost })
    lost = 0
  }
  report({ type: 'buffer', buffer: batch.buffer })
  if (lost > 0) {
    report({ type: 'problem', problem: 'spans came faster than they were sent', lost })
  }
})
