import { readShopConfig } from './shop-config.ts'
import { startShop } from './start-shop.ts'

const shop = await startShop(readShopConfig(process.env))
process.send?.({ ready: true, url: shop.url })
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
