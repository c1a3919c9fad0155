// elastic-apm-node, told to keep each of the nine spans of a request.
import { createRequire } from 'node:module'
import { PEERS } from './peers.ts'

createRequire(PEERS)('elastic-apm-node').start({
  serverUrl: process.env.AGENT_BENCH_RECEIVER,
  serviceName: 'baskets',
  transactionSampleRate: 1,
  // Else equal statements in a row become one span.
  spanCompressionEnabled: false,
  centralConfig: false,
  cloudProvider: 'none',
  metricsInterval: '0s',
  apiRequestTime: '1s',
  logLevel: 'off',
})
