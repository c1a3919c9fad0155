/**
 * What the application says it has, called or not: routes from its frameworks' own tables, models from its mappers.
 * The server compares them with what was seen. Declared again, a route or a model stays one.
 */

/** A route as its framework has it: `GET`, `/towns/:town`, `express`. `ALL` for one that answers every method. */
export interface DeclaredRoute {
  readonly method: string
  readonly route: string
  readonly framework: string
}

/** A model as its mapper has it: `Stall`, `market.stalls`, `prisma`. The table is empty where there is none. */
export interface DeclaredModel {
  readonly name: string
  readonly table: string
  readonly mapper: string
}

export interface Declarations {
  /** Grows with each change. */
  readonly version: number
  readonly routes: readonly DeclaredRoute[]
  readonly models: readonly DeclaredModel[]
  /** Declared beyond the bounds, and so not in the lists; one that is declared again counts again. */
  readonly omitted: number
}

const MOST_ROUTES = 20_000
const MOST_MODELS = 5_000
const LONGEST_TEXT = 512

const routes = new Map<string, DeclaredRoute>()
const models = new Map<string, DeclaredModel>()
const listeners = new Set<() => void>()
let omitted = 0
let version = 0

/** What comes from a framework may be anything: what is no text, or is too long to be a name, is passed over. */
export function declareRoute(method: string, route: string, framework: string): void {
  if (!isName(method) || !isName(route)) return
  const declared = { method: method.toUpperCase(), route, framework }
  add(routes, MOST_ROUTES, `${declared.method}\n${route}\n${framework}`, declared)
}

export function declareModel(name: string, table: string, mapper: string): void {
  if (!isName(name) || typeof table !== 'string' || table.length > LONGEST_TEXT) return
  add(models, MOST_MODELS, `${name}\n${table}\n${mapper}`, { name, table, mapper })
}

/** A copy. */
export function declarations(): Declarations {
  return { version, routes: [...routes.values()], models: [...models.values()], omitted }
}

/** Cheap to ask: whether `declarations()` would answer something new. */
export function declarationsVersion(): number {
  return version
}

/** Calls with each change, while the framework is declaring: the listener only notes that there is something to send. */
export function onDeclarationsChange(listener: () => void): void {
  listeners.add(listener)
}

function add<Declared>(
  known: Map<string, Declared>,
  most: number,
  key: string,
  declared: Declared,
): void {
  if (known.has(key)) return
  if (known.size >= most) {
    omitted++
    return
  }
  known.set(key, declared)
  version++
  for (const listener of listeners) listener()
}

function isName(text: unknown): text is string {
  return typeof text === 'string' && text !== '' && text.length <= LONGEST_TEXT
}
