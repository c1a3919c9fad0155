import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { andAbove, applicationFolders, realPath } from './application-folders.ts'
import { packageAliases } from './package-aliases.ts'

/** Files of a package that are ES modules, and what is changed in place in what they export. */
export interface PatchedEsModule {
  readonly package: string
  readonly files: readonly string[]
  patch(exports: object): void
}

/**
 * ES modules are not loaded by `Module._load`, and on Node 20 nothing else tells of them without a thread that reads
 * every source. So those few that are worth it are looked for where the application would find them, and are loaded
 * before it: only files that need nothing but Node and their own package, since what fails to load before its time fails
 * for the application too, which is where it is told. A second copy deeper in its packages is not seen.
 */
export async function patchEsModules(
  patched: readonly PatchedEsModule[],
  report: (where: string, error: unknown) => void,
): Promise<void> {
  const folders = applicationFolders()
  for (const { package: name, files, patch } of patched) {
    for (const folder of foldersOf(name, folders)) {
      for (const file of files) {
        const path = join(folder, file)
        if (!isThere(path)) continue
        const exports: unknown = await import(pathToFileURL(path).href).catch(() => undefined)
        try {
          if (exports !== undefined) patch(exports as object)
        } catch (error) {
          report(`instrumenting ${name}`, error)
        }
      }
    }
  }
}

/** The application's own copy, and those that it has by other names. */
function foldersOf(name: string, starts: readonly string[]): Set<string> {
  const aliases = packageAliases()
  const found = new Set<string>()
  for (const called of [name, ...aliases.keys()]) {
    if (called !== name && aliases.get(called) !== name) continue
    const folder = starts.map(start => packageFolder(start, called)).find(Boolean)
    if (folder !== undefined) found.add(folder)
  }
  return found
}

/** As Node looks for packages: in `node_modules` of this folder, or of one above it. The real one, not a link. */
function packageFolder(start: string, name: string): string | undefined {
  for (const folder of andAbove(start)) {
    const candidate = join(folder, 'node_modules', name)
    if (isThere(join(candidate, 'package.json'))) return realPath(candidate)
  }
  return undefined
}

/** Under `--permission` it may not be allowed to look. */
function isThere(path: string): boolean {
  try {
    return existsSync(path)
  } catch {
    return false
  }
}
