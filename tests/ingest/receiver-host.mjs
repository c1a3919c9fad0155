// A process with the receiver, the loader and the store, to be killed: node receiver-host.mjs DATA HTTP_PORT
import { join } from 'node:path'
import { silentLogger } from '../../packages/perfloop/dist/domain/logger.js'
import { startReceiver } from '../../packages/perfloop/dist/ingest/receive/start-receiver.js'
import { startLoader } from '../../packages/perfloop/dist/ingest/spool/loader.js'
import { defaultSettings } from '../../packages/perfloop/dist/settings/settings.js'
import { openTelemetryStore } from '../../packages/perfloop/dist/store/telemetry/open-telemetry-store.js'

const [data = '', httpPort = '0', segmentMaxAgeMs = '100'] = process.argv.slice(2)
const settings = defaultSettings()
const spoolDirectory = join(data, 'spool')
const quarantineDirectory = join(data, 'quarantine')

const receiver = await startReceiver({
  settings: {
    ...settings.ingest,
    otlpHttpPort: Number(httpPort),
    otlpGrpcPort: 0,
    spool: { ...settings.ingest.spool, segmentMaxAgeMs: Number(segmentMaxAgeMs) },
  },
  host: '127.0.0.1',
  allowedHosts: [],
  spoolDirectory,
  quarantineDirectory,
  measurementDays: 7,
  parameterKey: 'the same after every start',
  logger: silentLogger,
})
const store = await openTelemetryStore({ dataDirectory: data, settings })
const loader = startLoader({
  spoolDirectory,
  quarantineDirectory,
  engine: store.engine,
  logger: silentLogger,
})
receiver.onSegmentClosed(() => loader.wake())
console.log(JSON.stringify({ httpPort: receiver.httpPort }))

process.on('SIGTERM', async () => {
  await receiver.close()
  await loader.drain()
  await loader.close()
  await store.close()
  process.exit(0)
})
