import { readFile } from 'node:fs/promises'

/** Content of a small file of the kernel; undefined where it is not there or not ours to read. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return undefined
  }
}

/** The number after `name` in lines such as `VmRSS:   1234 kB` or `usage_usec 1234`. */
export function numberAfter(text: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:?\\s+(\\d+)`, 'm').exec(text)
  return match === null ? undefined : Number(match[1])
}
