import { once } from 'node:events'
import { logs } from '@opentelemetry/api-logs'
import { createShop } from './create-shop.ts'
import { ensureSeeded, openDatabase, setCustomerIndex } from './database.ts'
import { createFaultSwitches } from './faults.ts'
import type { ShopConfig } from './shop-config.ts'

export interface RunningShop {
  readonly url: string
  close(): Promise<void>
}

/** Seeds the database when it is empty, and serves the shop on loopback. */
export async function startShop(config: ShopConfig): Promise<RunningShop> {
  const database = openDatabase(config.databaseUrl)
  const faults = createFaultSwitches(config.faults)
  await ensureSeeded(database)
  await setCustomerIndex(database, !faults.isOn('missing-index'))

  const logger = logs.getLogger('shop')
  const shop = createShop({
    database,
    faults,
    onError: error =>
      logger.emit({ severityText: 'ERROR', severityNumber: 17, body: String(error) }),
  })
  const server = shop.listen(config.port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : config.port
  const url = `http://127.0.0.1:${port}`
  logger.emit({ severityText: 'INFO', severityNumber: 9, body: `the shop is open at ${url}` })
  return {
    url,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      await database.end()
    },
  }
}
