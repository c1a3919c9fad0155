// The store process: ClickHouse's engine and nothing else, so that what it costs and how it dies is its own.
import { getPriority, setPriority } from 'node:os'
import { ChdbHost } from './chdb-host.ts'
import type { ChdbRequest } from './chdb-message.ts'

const NICENESS = 5

// Before the engine is loaded, since its threads inherit it: where the cores do not suffice for all, the application
// that is watched and the receiver come first, and the spool holds what the store has not yet taken.
if (getPriority() < NICENESS) setPriority(NICENESS)
const host = new ChdbHost()

process.on('message', async (request: ChdbRequest) => {
  const answer = await host.answer(request)
  process.send?.(answer)
})

// The parent is gone. What it had not been told is done is in the spool, and the engine's parts are whole or
// absent, so the quickest end is the safest: an orderly one would wait for running queries.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

// A terminal sends Ctrl-C to the whole group; the parent decides when the store closes.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
