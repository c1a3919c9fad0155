// `<script src=".../browser.js" data-endpoint="https://perfloop.example:4318" data-service="shop-pages"></script>`
import { startBrowserAgent } from './index.ts'

const { endpoint, service, environment, token, traceOrigins } =
  (document.currentScript as HTMLScriptElement | null)?.dataset ?? {}
if (endpoint !== undefined) {
  startBrowserAgent({
    endpoint,
    ...(service === undefined ? {} : { serviceName: service }),
    ...(environment === undefined
      ? {}
      : { resourceAttributes: { 'deployment.environment.name': environment } }),
    ...(token === undefined ? {} : { token }),
    ...(traceOrigins === undefined ? {} : { traceOrigins: traceOrigins.split(/[\s,]+/) }),
  })
}
