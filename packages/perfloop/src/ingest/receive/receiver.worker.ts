import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../domain/clock.ts'
import { createIngestBuffer } from '../columns/create-ingest-buffer.ts'
import { deriveKey } from '../derive-key.ts'
import type { ReceiverWorkerOptions } from './receiver-message.ts'
import { openRoutedServices } from './routed-services-file.ts'
import { serveReceiverPort } from './serve-receiver-port.ts'

const options: ReceiverWorkerOptions = workerData
if (parentPort !== null) {
  const parameterKey = deriveKey(options.parameterKey, 'hash of parameters')
  const routedServices = openRoutedServices(options.spoolDirectory)
  const buffer = createIngestBuffer({
    ...options,
    parameterKey,
    clock: systemClock,
    routedServices,
  })
  void serveReceiverPort(parentPort, options, buffer)
}
