// Preloaded by a test: prints what is declared when it is asked to by a signal.
import { declaredRoutes } from './declared.mjs'

process.on('SIGUSR2', () => console.log(`declared ${JSON.stringify(declaredRoutes())}`))
