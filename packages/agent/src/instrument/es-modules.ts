import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

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
    const folder = folders.map(start => packageFolder(start, name)).find(Boolean)
    if (folder === undefined) continue
    for (const file of files) {
      const path = join(folder, file)
      if (!existsSync(path)) continue
      const exports: unknown = await import(pathToFileURL(path).href).catch(() => undefined)
      try {
        if (exports !== undefined) patch(exports as object)
      } catch (error) {
        report(`instrumenting ${name}`, error)
      }
    }
  }
}

/** Of the program that is started, and the one it is started in. */
function applicationFolders(): string[] {
  const folders = [process.cwd()]
  try {
    if (process.argv[1] !== undefined) folders.unshift(dirname(realpathSync(process.argv[1])))
  } catch {
    // There is no such file: Node will say so.
  }
  return folders
}

/** As Node looks for packages: in `node_modules` of this folder, or of one above it. The real one, not a link. */
function packageFolder(start: string, name: string): string | undefined {
  let folder = start
  for (;;) {
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate)
    const parent = dirname(folder)
    if (parent === folder) return undefined
    folder = parent
  }
}
