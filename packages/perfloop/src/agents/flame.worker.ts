import { parentPort } from 'node:worker_threads'
import { type BuildRequest, buildFlameGraph } from './build-flame-graph.ts'

parentPort?.on('message', async (request: BuildRequest) => {
  parentPort?.postMessage(await buildFlameGraph(request))
})
parentPort?.postMessage('ready')
