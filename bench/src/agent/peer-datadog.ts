// dd-trace, the last version that makes the same nine spans a request: later ones add one for each client a pool gives.
import { createRequire } from 'node:module'
import { PEERS } from './peers.ts'

createRequire(PEERS)('dd-trace').init({
  url: process.env.AGENT_BENCH_RECEIVER,
  service: 'baskets',
  startupLogs: false,
})
