import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'

/** Of the program that is started, and the one it is started in. */
export function applicationFolders(): string[] {
  const program = process.argv[1]
  return program === undefined ? [process.cwd()] : [dirname(realPath(program)), process.cwd()]
}

/** As it is where there is no such file, or where `--permission` lets nobody ask. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** The folder and those above it, as Node looks for packages. */
export function* andAbove(start: string): Generator<string> {
  for (let folder = start, parent = dirname(start); ; folder = parent, parent = dirname(folder)) {
    yield folder
    if (parent === folder) return
  }
}
