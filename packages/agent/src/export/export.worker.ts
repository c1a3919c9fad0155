// The exporting thread: columns to OTLP, OTLP to the server.
import { parentPort, workerData } from 'node:worker_threads'
import { ControlLink } from '../control/control-link.ts'
import { performanceLine } from '../log/performance-line.ts'
import { NUMBERS_OF_A_REQUEST, type SentRequests } from '../log/request-log.ts'
import { RotatingLog } from '../log/rotating-log.ts'
import type { SentMetrics } from '../measure/metrics.ts'
import { BlockWatch } from '../profile/block-watch.ts'
import { MainThread } from '../profile/main-thread.ts'
import { ProfileDuty } from '../profile/profile-duty.ts'
import { Pulse } from '../profile/pulse.ts'
import type { SentBatch } from '../record/span-batch.ts'
import { encodeMetrics } from './encode-metrics.ts'
import { SpanEncoder } from './encode-spans.ts'
import type { ExportMessage, ExportReport, ExportThreadData } from './export-message.ts'
import { ExportQueue } from './export-queue.ts'
import { processMetrics } from './process-metrics.ts'

/** A few minutes of them: what is older than that hardly matters once the server is back. */
const MAX_QUEUED_METRIC_BYTES = 1024 * 1024

const { target, schemas, unfinished, pulse: memory } = workerData as ExportThreadData
const encoder = new SpanEncoder(schemas, target.resource)
const unfinishedCount = new Int32Array(unfinished)

const spans = queueTo(target.tracesUrl, target.maxQueuedBytes, 'spans')
const metrics =
  target.metricsUrl === undefined
    ? undefined
    : queueTo(target.metricsUrl, MAX_QUEUED_METRIC_BYTES, 'metrics')

const pulse = new Pulse(memory)
const mainThread = new MainThread(pulse)
const blocks = new BlockWatch(pulse, mainThread, target.blockLimitMs)

const control =
  target.control === undefined
    ? undefined
    : new ControlLink(target.control, news => {
        report({ type: 'news', news })
        profiles?.hear(news)
      })
const profiles =
  control &&
  new ProfileDuty(mainThread, pulse, target.profilePartMs, profile =>
    control.say({ type: 'profile', ...profile }),
  )

function queueTo(url: string, maxQueuedBytes: number, what: string): ExportQueue {
  const { headers, timeoutMs, certificates } = target
  return new ExportQueue(
    { url, headers, timeoutMs, certificates, maxQueuedBytes },
    {
      onDone: done,
      onProblem: (problem, lost) => report({ type: 'problem', problem, lost, what }),
    },
  )
}

function done(): void {
  Atomics.sub(unfinishedCount, 0, 1)
  Atomics.notify(unfinishedCount, 0)
}

function report(message: ExportReport): void {
  parentPort?.postMessage(message)
}

const performanceLog =
  target.performanceLog &&
  new RotatingLog(target.performanceLog, {
    onProblem: (problem, lost) => report({ type: 'problem', problem, lost, what: 'lines' }),
    onWritten: appends => {
      for (let n = 0; n < appends; n++) done()
    },
  })

parentPort?.on('message', (message: ExportMessage) => {
  if (message.type === 'spans') sendSpans(message)
  else if (message.type === 'metrics') sendMetrics(message)
  else if (message.type === 'requests') writeRequests(message)
  else if (message.type === 'wake') blocks.wake()
  else if (message.type === 'control') control?.say(message.message)
  else spans.limit(message.maxQueuedBytes)
})

/** Whether what is on its way may lie where the encoder writes. */
let isSentInPlace = false

function sendSpans(batch: SentBatch): void {
  const what = 'spans'
  let lost = batch.dropped
  try {
    // What is sent at once is sent from where it was written; what has to wait, from a copy of just its size.
    const hasToWait = spans.isSending
    if (hasToWait && isSentInPlace) encoder.leaveLast()
    const body = encoder.encode(batch)
    spans.add(hasToWait ? Buffer.from(body) : body, batch.rows)
    isSentInPlace = !hasToWait
  } catch (error) {
    lost += batch.rows
    done()
    report({ type: 'problem', problem: `a batch cannot be encoded: ${String(error)}`, lost, what })
    lost = 0
  }
  report({ type: 'buffer', buffer: batch.buffer })
  if (lost > 0) {
    report({ type: 'problem', problem: 'spans came faster than they were sent', lost, what })
  }
}

function writeRequests({ routes, numbers, unixMsAtZero }: SentRequests): void {
  const lines = routes.map((route, n) => {
    const [endMs = 0, loadMs = 0, queries = 0, databaseMs = 0, renderMs = 0, totalMs = 0] =
      numbers.subarray(n * NUMBERS_OF_A_REQUEST, (n + 1) * NUMBERS_OF_A_REQUEST)
    const unixMs = unixMsAtZero + endMs
    return performanceLine({ route, unixMs, loadMs, queries, databaseMs, renderMs, totalMs })
  })
  performanceLog?.append(lines)
}

function sendMetrics(sent: SentMetrics): void {
  try {
    if (metrics === undefined) done()
    else {
      const all = [...sent.metrics, ...processMetrics()]
      metrics.add(encodeMetrics({ ...sent, metrics: all }, target.resource), all.length)
    }
  } catch (error) {
    done()
    const problem = `metrics cannot be encoded: ${String(error)}`
    report({ type: 'problem', problem, lost: sent.metrics.length, what: 'metrics' })
  }
}
