import { startAgent } from '@perfloop/agent'

// Loaded with `node --import` before the shop. `OTEL_EXPORTER_OTLP_ENDPOINT` and `OTEL_SERVICE_NAME` say where to send
// and as whom. Twice a second, so that a demo shows what happened a moment ago.
startAgent({ flushIntervalMs: 500, metricsIntervalMs: 5_000 })
