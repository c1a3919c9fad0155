// @sentry/node, all requests traced.
import { createRequire } from 'node:module'
import { PEERS } from './peers.ts'

const sentry = createRequire(PEERS)('@sentry/node')
const { host } = new URL(process.env.AGENT_BENCH_RECEIVER ?? '')
sentry.init({
  dsn: `http://key@${host}/1`,
  tracesSampleRate: 1,
  // Told to make the same nine spans a request: none of handlers or of pools.
  integrations: [
    sentry.postgresIntegration({ ignoreConnectSpans: true }),
    sentry.expressIntegration({ ignoreLayersType: ['middleware', 'router', 'request_handler'] }),
  ],
})
