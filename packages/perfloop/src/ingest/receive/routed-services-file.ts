import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RoutedServices } from '../columns/routed-services.ts'

/** Many times what a receiver admits at once: services come and go over the years. */
const MOST_SERVICES = 20_000

/**
 * Which services tell routes, over a restart: what nobody has a route for is called so from the first request on. One
 * line of JSON each, written when a service tells its first route. What cannot be read or written is learned anew.
 */
export function openRoutedServices(spoolDirectory: string): RoutedServices {
  const file = join(spoolDirectory, 'routed-services')
  const known = read(file)
  return {
    has: service => known.has(service),
    add(service) {
      if (known.size >= MOST_SERVICES) return
      known.add(service)
      try {
        // A line of its own also behind one that was cut off.
        appendFileSync(file, `\n${JSON.stringify(service)}`, { mode: 0o600 })
      } catch {
        // Learned anew after the next start.
      }
    },
  }
}

function read(file: string): Set<string> {
  try {
    return new Set(readFileSync(file, 'utf8').split('\n').flatMap(nameIn).slice(0, MOST_SERVICES))
  } catch {
    return new Set()
  }
}

function nameIn(line: string): readonly string[] {
  try {
    const name: unknown = JSON.parse(line)
    return typeof name === 'string' ? [name] : []
  } catch {
    return []
  }
}
