import { FAULTS } from './faults.ts'
import { readShopConfig, type ShopConfig } from './shop-config.ts'
import { startShop } from './start-shop.ts'

const config = configOrExit()
const shop = await startShop(config)
process.send?.({
  ready: true,
  url: shop.url,
  planted: config.faults.map(fault => ({ fault, what: FAULTS[fault] })),
})
if (process.send === undefined) console.log(`the shop is open at ${shop.url}`)

// The parent's end, however sudden, is the shop's end.
const stop = () => {
  void shop.close().finally(() => {
    if (process.connected) process.disconnect()
  })
}
process.once('disconnect', stop)
process.once('SIGTERM', stop)
process.once('SIGINT', () => {})

/** A wrong setting is told in a sentence, without a stack. */
function configOrExit(): ShopConfig {
  try {
    return readShopConfig(process.env)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(2)
  }
}
