import { register } from 'node:module'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node'
import { logs, metrics, NodeSDK, tracing } from '@opentelemetry/sdk-node'

// The stock OpenTelemetry SDK, loaded with `node --import` before the shop. OTEL_EXPORTER_OTLP_ENDPOINT and
// OTEL_SERVICE_NAME say where to send and as whom.

// ES modules are instrumented through a loader hook, which must be there before they are imported.
register('@opentelemetry/instrumentation/hook.mjs', import.meta.url)

/** Short, so that a demo shows what happened a moment ago. */
const SPAN_EXPORT_MS = 500
const LOG_EXPORT_MS = 1_000
const METRIC_EXPORT_MS = 5_000

const sdk = new NodeSDK({
  spanProcessors: [
    new tracing.BatchSpanProcessor(new OTLPTraceExporter(), {
      scheduledDelayMillis: SPAN_EXPORT_MS,
      maxQueueSize: 20_000,
      maxExportBatchSize: 2_000,
    }),
  ],
  metricReaders: [
    new metrics.PeriodicExportingMetricReader({
      exporter: new OTLPMetricExporter(),
      exportIntervalMillis: METRIC_EXPORT_MS,
      exportTimeoutMillis: METRIC_EXPORT_MS,
    }),
  ],
  logRecordProcessors: [
    new logs.BatchLogRecordProcessor({
      exporter: new OTLPLogExporter(),
      scheduledDelayMillis: LOG_EXPORT_MS,
    }),
  ],
  instrumentations: [
    new HttpInstrumentation(),
    new ExpressInstrumentation(),
    // Making the shop is no work of the shop.
    new PgInstrumentation({ requireParentSpan: true }),
    new RuntimeNodeInstrumentation({ monitoringPrecision: METRIC_EXPORT_MS }),
  ],
})
sdk.start()

/** Sends what is still waiting; called by the shop when it closes. */
process.once('beforeExit', () => {
  sdk.shutdown().catch(() => {})
})
