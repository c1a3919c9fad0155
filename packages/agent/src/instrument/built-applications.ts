import { readFile, stat } from 'node:fs/promises'
import { Server } from 'node:net'
import type { Agent } from '../agent.ts'
import { limitStacks } from '../profile/stack-limit.ts'
import { instrumentNitro } from './nitro.ts'
import { instrumentSvelteKit } from './svelte-kit.ts'
import { wrapMethod } from './wrap-method.ts'

/** The server of what Nitro builds is in the file that its application is in. */
const NITRO = /\/chunks\/(?:nitro|_)\/nitro\.mjs$/
/** Of `adapter-node`: its own server, or one that the application has written, imports the one, which imports the other. */
const SVELTE_HANDLER = /\/handler\.js$/
const SVELTE_MANIFEST = /\/server\/(?:manifest|chunks\/manifest\.js-[\w-]+)\.js$/
/** What SvelteKit has in every manifest, beside other things. */
const SVELTE_PROPERTIES = ['mimeTypes', 'routes', 'matchers']

/** At the beginning of a line, so that what is commented out is none, and with nothing but names before the file. */
const STATIC_IMPORT = /^(?:import|export)(?:[\s\w$,*{}]*\bfrom)?\s*["'](\.[^"'\n]+)["']/gm
const BLOCK_COMMENT = /\/\*[\s\S]*?\*\//g

const LARGEST_BYTES = 1_000_000
const DEEPEST_STACK = 16
/** A program that listens again and again is looked at no longer. */
const MOST_LOOKS = 8

/**
 * Frameworks that are bundled with the application keep what can be asked for its routes in files of their own. To
 * import one that the application has not loaded would run it, so nothing is guessed from where files are: a file is
 * imported only when its own code is what listens, or when code that listens needed it before it could run.
 */
export function instrumentBuiltApplications(agent: Agent): void {
  let looks = 0
  wrapMethod(
    Server.prototype,
    'listen',
    listen =>
      function (this: Server, ...args: unknown[]) {
        try {
          if (looks < MOST_LOOKS) {
            looks++
            instrumentBuilt(agent, whoListens()).catch((error: unknown) =>
              agent.report('instrumenting a built application', error),
            )
          }
        } catch (error) {
          agent.report('looking for a built application', error)
        }
        return (listen as (...args: unknown[]) => Server).apply(this, args)
      } as Server['listen'],
  )
}

async function instrumentBuilt(agent: Agent, running: readonly string[]): Promise<void> {
  for (const file of running) {
    if (NITRO.test(file)) return instrumentNitro(agent, (await import(file)) as object)
  }
  for (const file of running) {
    const manifest = await manifestNeededBy(file)
    if (manifest !== undefined) return instrumentSvelteKit((await import(manifest)) as object)
  }
}

/** ES modules on the stack, as Node knows them: whatever links were followed to them, this is what they were loaded by. */
function whoListens(): readonly string[] {
  const limit = Error.stackTraceLimit
  const prepare = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace')
  // Source maps would tell of files that are not there.
  const isPrepared = Reflect.defineProperty(Error, 'prepareStackTrace', {
    configurable: true,
    value: (_error: Error, sites: readonly NodeJS.CallSite[]) =>
      sites.map(site => site.getFileName() ?? ''),
  })
  // The host lets nobody change how stacks are told.
  if (!isPrepared) return []
  const isDeep = limitStacks(DEEPEST_STACK)
  try {
    const files = (new Error('who listens') as { stack?: unknown }).stack as readonly string[]
    return [...new Set(files)].filter(file => /^file:[^?#]+\.m?js$/.test(file))
  } finally {
    Reflect.deleteProperty(Error, 'prepareStackTrace')
    if (prepare !== undefined) Object.defineProperty(Error, 'prepareStackTrace', prepare)
    if (isDeep) limitStacks(limit)
  }
}

/** What a module imports by a statement was there before any of its own code ran. */
async function manifestNeededBy(file: string): Promise<string | undefined> {
  const needed = await importsOf(file)
  const ofHandlers = needed.filter(imported => SVELTE_HANDLER.test(imported)).map(importsOf)
  for (const imported of [...needed, ...(await Promise.all(ofHandlers)).flat()]) {
    if (!SVELTE_MANIFEST.test(imported)) continue
    const text = await textOf(imported)
    if (SVELTE_PROPERTIES.every(property => text.includes(property))) return imported
  }
  return undefined
}

async function importsOf(file: string): Promise<readonly string[]> {
  const text = (await textOf(file)).replace(BLOCK_COMMENT, '')
  return [...text.matchAll(STATIC_IMPORT)].map(([, imported = '']) => new URL(imported, file).href)
}

/** Of what is too large for a program that somebody wrote, nothing. */
async function textOf(file: string): Promise<string> {
  const { size } = await stat(new URL(file))
  return size > LARGEST_BYTES ? '' : await readFile(new URL(file), 'utf8')
}
