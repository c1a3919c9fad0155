import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Agent } from '../agent.ts'
import { instrumentNitro } from './nitro.ts'
import { instrumentSvelteKit } from './svelte-kit.ts'

interface BuiltFile {
  readonly folder: string
  readonly file: RegExp
  patch(agent: Agent, exports: object): void
}

/** Where frameworks that are bundled with the application keep what can be asked for its routes, beside the program. */
const BUILT_FILES: readonly BuiltFile[] = [
  { folder: 'server', file: /^manifest\.js$/, patch: instrumentSvelteKit },
  { folder: 'server/chunks', file: /^manifest\.js-[\w-]+\.js$/, patch: instrumentSvelteKit },
  { folder: 'chunks/nitro', file: /^nitro\.mjs$/, patch: instrumentNitro },
  { folder: 'chunks/_', file: /^nitro\.mjs$/, patch: instrumentNitro },
]

let isLookedFor = false

/**
 * To be called when a server listens. By then the application has loaded these files, so that to import one runs
 * nothing before its time: it gives the module that the application has.
 */
export function lookForBuiltApplication(agent: Agent): void {
  if (isLookedFor) return
  isLookedFor = true
  instrumentBuilt(agent).catch((error: unknown) =>
    agent.report('instrumenting a built application', error),
  )
}

async function instrumentBuilt(agent: Agent): Promise<void> {
  for (const program of programFolders()) {
    for (const { folder, file, patch } of BUILT_FILES) {
      const path = join(program, folder)
      const found = existsSync(path) ? readdirSync(path).filter(name => file.test(name)) : []
      for (const name of found) {
        const exports: unknown = await import(pathToFileURL(join(path, name)).href)
        patch(agent, exports as object)
      }
    }
  }
}

/** `node build`, `node build/index.js`, or a server of the application's own beside it. */
function programFolders(): readonly string[] {
  const [, given] = process.argv
  if (given === undefined || !existsSync(given)) return []
  const program = realpathSync(given)
  return [program, dirname(program), join(dirname(program), 'build')]
}
