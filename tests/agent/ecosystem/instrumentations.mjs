// Instrumentations of OpenTelemetry, as somebody registers them who sets up no SDK. To be loaded before the application.
import { createRequire, register } from 'node:module'

const root = new URL('../../../package.json', import.meta.url)
const load = createRequire(root)
register('@opentelemetry/instrumentation/hook.mjs', root)
const { registerInstrumentations } = load('@opentelemetry/instrumentation')
const { ExpressInstrumentation } = load('@opentelemetry/instrumentation-express')
const { HttpInstrumentation } = load('@opentelemetry/instrumentation-http')
const { PgInstrumentation } = load('@opentelemetry/instrumentation-pg')
registerInstrumentations({
  instrumentations: [
    new HttpInstrumentation(),
    new ExpressInstrumentation(),
    new PgInstrumentation(),
  ],
})
