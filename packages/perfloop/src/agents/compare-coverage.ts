import { groupBy } from '../domain/group-by.ts'
import { NO_ROUTE } from '../domain/span.ts'
import type { DeclarationRecord } from '../store/control/control-store.ts'

export interface SeenOperation {
  readonly operation: string
  readonly calls: number
  readonly errors: number
  readonly lastSeenUnixS: number
}

export interface SeenModel {
  readonly model: string
  readonly reads: number
  readonly writes: number
}

export interface RouteCoverage {
  readonly method: string
  readonly route: string
  /** Null for one that was seen but not declared. */
  readonly framework: string | null
  readonly calls: number
  readonly errors: number
  readonly lastSeenUnixS: number | null
}

export interface ModelCoverage {
  readonly name: string
  readonly table: string
  /** Null for one that was seen but not declared. */
  readonly mapper: string | null
  readonly reads: number
  readonly writes: number
}

export interface Coverage {
  readonly routes: readonly RouteCoverage[]
  readonly models: readonly ModelCoverage[]
}

/** Names of operations are cut here, see operation-name. */
const LONGEST_OPERATION = 255
const HTTP_OPERATION = /^([A-Z]+) (\S.*)$/
/** Behind the route, see operation-name: all operations of GraphQL come to one. */
const GRAPHQL_OPERATION = /^([A-Z]+ \S+) (?:query|mutation|subscription)(?: [_A-Za-z]\w*)?$/
/** Frameworks answer these by themselves for a route of GET. */
const IMPLIED = new Set(['HEAD', 'OPTIONS'])

/**
 * What was declared against what was seen, both ways. A route of `ALL` is seen with whatever method; a request that no
 * route took is none that could have been declared.
 */
export function compareCoverage(
  declarations: readonly DeclarationRecord[],
  operations: readonly SeenOperation[],
  models: readonly SeenModel[],
): Coverage {
  return {
    routes: compareRoutes(declarations, operations),
    models: compareModels(declarations, models),
  }
}

function compareRoutes(
  declarations: readonly DeclarationRecord[],
  operations: readonly SeenOperation[],
): readonly RouteCoverage[] {
  const seen = requestsByRoute(operations)
  const byRoute = groupBy(seen, ({ route }) => route)
  const matched = new Set<(typeof seen)[number]>()
  const declared = new Map<string, RouteCoverage>()
  for (const { method, route, framework } of declarations.flatMap(({ routes }) => routes)) {
    const key = `${method} ${route}`
    if (declared.has(key)) continue
    const limit = LONGEST_OPERATION - method.length - 1
    const hits = (byRoute.get(routeKey(route.slice(0, limit))) ?? []).filter(
      one => method === 'ALL' || one.method === method,
    )
    for (const hit of hits) matched.add(hit)
    declared.set(key, {
      method,
      route,
      framework,
      calls: sum(hits, hit => hit.calls),
      errors: sum(hits, hit => hit.errors),
      lastSeenUnixS: hits.length === 0 ? null : Math.max(...hits.map(hit => hit.lastSeenUnixS)),
    })
  }
  const declaredRoutes = new Set([...declared.values()].map(({ route }) => routeKey(route)))
  const undeclared = seen.filter(
    one => !matched.has(one) && !(IMPLIED.has(one.method) && declaredRoutes.has(one.route)),
  )
  return [
    ...declared.values(),
    ...undeclared.map(({ method, route, calls, errors, lastSeenUnixS }) => ({
      method,
      route,
      framework: null,
      calls,
      errors,
      lastSeenUnixS,
    })),
  ]
}

function requestsByRoute(operations: readonly SeenOperation[]) {
  const requests = operations.flatMap(({ operation, ...counts }) => {
    const [, method, route] = HTTP_OPERATION.exec(operation.replace(GRAPHQL_OPERATION, '$1')) ?? []
    return method === undefined || route === undefined || route === NO_ROUTE
      ? []
      : [{ ...counts, method, route: routeKey(route) }]
  })
  return [...groupBy(requests, ({ method, route }) => `${method} ${route}`).values()].flatMap(
    same =>
      same.slice(0, 1).map(first => ({
        ...first,
        calls: sum(same, one => one.calls),
        errors: sum(same, one => one.errors),
        lastSeenUnixS: Math.max(...same.map(one => one.lastSeenUnixS)),
      })),
  )
}

function compareModels(
  declarations: readonly DeclarationRecord[],
  seen: readonly SeenModel[],
): readonly ModelCoverage[] {
  const matched = new Set<SeenModel>()
  const hitsOf = tableFinder(seen)
  const known = new Map<string, Pick<SeenModel, 'reads' | 'writes'>>()
  const use = (table: string) => {
    const before = known.get(table)
    if (before !== undefined) return before
    const hits = hitsOf(table)
    for (const hit of hits) matched.add(hit)
    const found = { reads: sum(hits, hit => hit.reads), writes: sum(hits, hit => hit.writes) }
    known.set(table, found)
    return found
  }
  const declared = new Map<string, ModelCoverage>()
  for (const { name, table, mapper } of declarations.flatMap(({ models }) => models)) {
    const key = `${name}\n${table}`
    if (declared.has(key)) continue
    declared.set(key, { name, table, mapper, ...use(table === '' ? name : table) })
  }
  // Without declarations of models nothing can be said of one that is not among them.
  const undeclared = declared.size === 0 ? [] : seen.filter(one => !matched.has(one))
  return [
    ...declared.values(),
    ...undeclared.map(({ model, reads, writes }) => ({
      name: model,
      table: model,
      mapper: null,
      reads,
      writes,
    })),
  ]
}

/**
 * `market.stalls` and `stalls` are one table where only one of the two names its schema. Looked up, since agents may
 * declare thousands.
 */
function tableFinder(seen: readonly SeenModel[]): (table: string) => readonly SeenModel[] {
  const whole = groupBy(seen, ({ model }) => model.toLowerCase())
  const bare = groupBy(seen, ({ model }) => withoutSchema(model.toLowerCase()))
  return table => {
    const name = table.toLowerCase()
    return name.includes('.')
      ? [...(whole.get(name) ?? []), ...(whole.get(withoutSchema(name)) ?? [])]
      : (bare.get(name) ?? [])
  }
}

function withoutSchema(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** `/towns/` and `/towns` are one route in every framework unless it is told otherwise. */
function routeKey(route: string): string {
  return route.length > 1 && route.endsWith('/') ? route.slice(0, -1) : route
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
