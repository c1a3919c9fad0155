import { readFileSync } from 'node:fs'

/**
 * Content of a small file of the kernel; undefined where it is not there or not ours to read. Read at once:
 * the kernel writes it from memory in microseconds, and five turns through another thread cost more.
 */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** The number after `name` in lines such as `VmRSS:   1234 kB` or `usage_usec 1234`. */
export function numberAfter(text: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:?\\s+(\\d+)`, 'm').exec(text)
  return match === null ? undefined : Number(match[1])
}
