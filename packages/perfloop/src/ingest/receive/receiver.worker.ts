import { parentPort, workerData } from 'node:worker_threads'
import { createIngestBuffer } from '../columns/create-ingest-buffer.ts'
import type { ReceiverWorkerOptions } from './receiver-message.ts'
import { serveReceiverPort } from './serve-receiver-port.ts'

const options: ReceiverWorkerOptions = workerData
if (parentPort !== null) {
  void serveReceiverPort(parentPort, options, createIngestBuffer(options))
}
