import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { andAbove, applicationFolders } from './application-folders.ts'

const LISTS = ['dependencies', 'devDependencies', 'optionalDependencies'] as const

let ofApplication: ReadonlyMap<string, string> | undefined

export function packageAliases(): ReadonlyMap<string, string> {
  ofApplication ??= readAliases(applicationFolders())
  return ofApplication
}

/**
 * What the application calls packages by: `old-pg` for the `pg` of `"old-pg": "npm:pg@8.11"`. Such a package lies in a folder
 * of that name. As its package.json says, and those above it: to ask each package would take a file for each.
 */
export function readAliases(folders: readonly string[]): ReadonlyMap<string, string> {
  const aliases = new Map<string, string>()
  for (const folder of new Set(folders.flatMap(start => [...andAbove(start)]))) {
    const content = readJson(join(folder, 'package.json'))
    for (const list of LISTS) {
      for (const [alias, wanted] of Object.entries(content?.[list] ?? {})) {
        const [, name] = /^npm:(@?[^@]+)/.exec(String(wanted)) ?? []
        if (name !== undefined && !aliases.has(alias)) aliases.set(alias, name)
      }
    }
  }
  return aliases
}

function readJson(path: string): Partial<Record<(typeof LISTS)[number], object>> | undefined {
  try {
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return typeof read === 'object' && read !== null ? read : undefined
  } catch {
    // Not there, or not readable: nothing is called otherwise there.
    return undefined
  }
}
