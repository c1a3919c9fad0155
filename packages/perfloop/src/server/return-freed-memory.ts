import { DatabaseSync } from '@photostructure/sqlite'

const GLIBC = 'libc.so.6'

/**
 * Gives memory that was freed back to the system: glibc keeps what lies between blocks still in use, 30 to
 * 50 MB after a million spans, until `malloc_trim` is called, and Node has no way to call it. SQLite has: it
 * opens a library and calls a function by its name, with arguments that this one does not mind (its only
 * one says how much to keep at the end of the heap). What it answers counts as a failed extension. Elsewhere
 * than on glibc there is no such library or function, and nothing happens.
 */
export function returnFreedMemory(): void {
  if (process.platform !== 'linux') return
  let database: InstanceType<typeof DatabaseSync> | undefined
  try {
    database = new DatabaseSync(':memory:', { allowExtension: true })
    database.enableLoadExtension(true)
    database.loadExtension(GLIBC, 'malloc_trim')
  } catch {
    // As expected: the answer 1, memory was given back, is an error to SQLite.
  } finally {
    database?.close()
  }
}
