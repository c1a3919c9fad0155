import Module from 'node:module'
import { posix, sep } from 'node:path'

/**
 * Changes what a file exports, in place. Called once for each copy of it, right after that was first loaded: `by` a file
 * of CommonJS, or by an ES module, which Node does not tell.
 */
export type ModulePatch = (exports: object, by: string | undefined) => void

export interface PatchedModule {
  readonly package: string
  /** In its package: `lib/index.js`. The one that the bare name of the package leads to, unless it says `isInner`. */
  readonly file: string
  /** A file that the package loads by itself: `require` of the package's name gives another one. */
  readonly isInner?: true
  readonly patch: ModulePatch
}

interface LoadedModule {
  readonly filename?: string | null
  readonly loaded?: boolean
}

interface ModuleWithLoad {
  _load(request: string, parent: LoadedModule | null | undefined, isMain: boolean): unknown
  _resolveFilename(
    request: string,
    parent: LoadedModule | null | undefined,
    isMain: boolean,
  ): string
  readonly _cache: Readonly<Record<string, LoadedModule | undefined>>
}

interface Target {
  /** Without its extension, which a `require` may leave out. */
  readonly file: string
  readonly isInner: boolean
  readonly patch: ModulePatch
  readonly done: WeakSet<object>
}

const MARK = `${sep}node_modules${sep}`

/**
 * Calls a patch when the file of a package is loaded by `require` or, as CommonJS, by `import` (both end in
 * `Module._load`). No source is read or rewritten, so the start of the application is hardly slower. `aliases` are other
 * names that packages have here.
 */
export function hookModules(
  patched: readonly PatchedModule[],
  report: (where: string, error: unknown) => void,
  aliases: ReadonlyMap<string, string> = new Map(),
): void {
  const targets = new Map<string, Target[]>()
  for (const { package: name, file, isInner = false, patch } of patched) {
    const target = { file: withoutExtension(file), isInner, patch, done: new WeakSet<object>() }
    targets.set(name, [...(targets.get(name) ?? []), target])
  }
  for (const [alias, name] of aliases) {
    const own = targets.get(name)
    if (own !== undefined && !targets.has(alias)) targets.set(alias, own)
  }
  /** Of each file that loads another one by a relative path: its package, if that is to be patched. */
  const packageOfParent = new WeakMap<object, PackageFile | null>()

  const targetOf = (request: string, parent: LoadedModule | null | undefined) => {
    if (request.startsWith('.')) {
      if (parent === null || parent === undefined) return undefined
      let within = packageOfParent.get(parent)
      if (within === undefined) {
        within = fileOfPackage(parent.filename ?? '')
        if (within !== null && !targets.has(within.package)) within = null
        packageOfParent.set(parent, within)
      }
      if (within === null) return undefined
      const from = posix.dirname(`/${within.file}`)
      const file = withoutExtension(posix.resolve(from, slashed(request)).slice(1))
      return targets.get(within.package)?.find(target => isAt(target, file))
    }
    const found = fileOfPackage(request) ?? fileOfSpecifier(request)
    const own = targets.get(found.package)
    if (own === undefined) return undefined
    if (found.file === '') return own.find(({ isInner }) => !isInner)
    const file = withoutExtension(found.file)
    return own.find(target => isAt(target, file))
  }

  const loader = Module as unknown as ModuleWithLoad
  const load = loader._load
  loader._load = function (request, parent, isMain) {
    const exports = load.call(this, request, parent, isMain)
    if (exports === null || (typeof exports !== 'object' && typeof exports !== 'function')) {
      return exports
    }
    let target: Target | undefined
    try {
      target = targetOf(request, parent)
      if (target === undefined || target.done.has(exports)) return exports
      // Of modules that load each other, the inner one is given what the outer one exports so far. It comes again.
      if (!isLoaded(loader, request, parent)) return exports
      target.done.add(exports)
      target.patch(exports, parent?.filename ?? undefined)
    } catch (error) {
      report(`instrumenting ${request}`, error)
    }
    return exports
  }
}

function isLoaded(
  loader: ModuleWithLoad,
  request: string,
  parent: LoadedModule | null | undefined,
): boolean {
  return loader._cache[loader._resolveFilename(request, parent, false)]?.loaded !== false
}

interface PackageFile {
  readonly package: string
  readonly file: string
}

/** `pg` and `lib/index.js` of `/app/node_modules/pg/lib/index.js`; null for what is in no package. */
function fileOfPackage(path: string): PackageFile | null {
  const mark = path.lastIndexOf(MARK)
  return mark < 0 ? null : fileOfSpecifier(slashed(path.slice(mark + MARK.length)))
}

/** `mysql2` and `promise` of `mysql2/promise`; no file of the bare name of a package. */
function fileOfSpecifier(specifier: string): PackageFile {
  const first = specifier.indexOf('/')
  const end = specifier.startsWith('@') ? specifier.indexOf('/', first + 1) : first
  if (end < 0) return { package: specifier, file: '' }
  return { package: specifier.slice(0, end), file: specifier.slice(end + 1) }
}

function slashed(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/')
}

/** A folder stands for the `index.js` in it. */
function isAt(target: Target, file: string): boolean {
  return target.file === file || target.file === `${file}/index`
}

function withoutExtension(file: string): string {
  return file.replace(/\.c?js$/, '')
}
