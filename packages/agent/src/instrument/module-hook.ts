import Module from 'node:module'
import { sep } from 'node:path'

/** Changes what a package exports, in place. Called once, right after the package was first loaded. */
export type ModulePatch = (exports: object) => void

interface ModuleWithLoad {
  _load(request: string, parent: unknown, isMain: boolean): unknown
}

const MARK = `${sep}node_modules${sep}`

/**
 * Calls a patch when the file of a package is loaded by `require` or, as CommonJS, by `import` (both end in
 * `Module._load`). No source is read or rewritten, so the start of the application is hardly slower.
 *
 * `files` are named like `pg/lib/index.js`; a bare `require('pg')` is found by its name.
 */
export function hookModules(
  patches: ReadonlyMap<string, { readonly file: string; readonly patch: ModulePatch }>,
  report: (where: string, error: unknown) => void,
): void {
  const loader = Module as unknown as ModuleWithLoad
  const load = loader._load
  const done = new WeakSet<object>()
  loader._load = function (...args) {
    const exports = load.apply(this, args)
    const [request] = args
    const name = packageOf(request)
    const found = name === undefined ? undefined : patches.get(name)
    if (found === undefined || exports === null) return exports
    if (typeof exports !== 'object' && typeof exports !== 'function') return exports
    if (request !== name && !request.replaceAll('\\', '/').endsWith(`/${name}/${found.file}`)) {
      return exports
    }
    if (done.has(exports)) return exports
    done.add(exports)
    try {
      found.patch(exports)
    } catch (error) {
      report(`instrumenting ${name}`, error)
    }
    return exports
  }
}

/** `pg` of `pg` and of `/app/node_modules/pg/lib/index.js`; undefined for what is no package. */
function packageOf(request: string): string | undefined {
  const mark = request.lastIndexOf(MARK)
  if (mark < 0) return request.startsWith('.') || request.startsWith('/') ? undefined : request
  const from = mark + MARK.length
  const slash = request.indexOf(sep, from)
  if (slash < 0) return undefined
  if (request[from] !== '@') return request.slice(from, slash)
  const second = request.indexOf(sep, slash + 1)
  return second < 0 ? undefined : request.slice(from, second).replaceAll('\\', '/')
}
