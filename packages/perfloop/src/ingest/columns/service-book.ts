import { OTHER, SPAN_KINDS } from '../../domain/span.ts'
import { OPERATION_BUCKETS_SECONDS, type OperationCounters } from '../ingest-buffer.ts'
import { type DictionarySymbol, SymbolTable } from './dictionary-symbol.ts'
import { noRoutedServices, type RoutedServices } from './routed-services.ts'

/** More is somebody making them up: spans of the rest go to `_other`. */
const MOST_ENVIRONMENTS = 200
/** All operations of all services together: what their counters may cost. */
const MOST_OPERATIONS = 20_000
/** All statement fingerprints remembered for the limits, of all services. */
const MOST_STATEMENTS = 120_000

export interface OperationEntry {
  readonly symbol: DictionarySymbol
  readonly isOther: boolean
  readonly kind: number
  calls: number
  errors: number
  durationSecondsSum: number
  /** Calls in each bucket, not cumulative; the last is beyond all boundaries. */
  readonly buckets: Float64Array
}

/** A service in an environment, its operations and how many statements it has shown. */
export interface Service {
  readonly id: number
  readonly environment: DictionarySymbol
  readonly name: DictionarySymbol
  readonly operations: Map<string, OperationEntry>
  readonly statements: Set<number>
  /** Its frameworks name the route of a request, so one without a route is one that nothing was there for. */
  tellsRoutes: boolean
  /** Operations whose names its callers make up: by a path since it tells routes, or by a name in GraphQL. */
  paths: number
}

export interface CardinalityLimits {
  readonly maxServices: number
  readonly maxOperationsPerService: number
  readonly maxPathOperationsRatio: number
  readonly maxStatementsPerService: number
}

/** Services, operations and their RED counters, within the cardinality limits. */
export class ServiceBook {
  private readonly limits: CardinalityLimits
  private readonly routed: RoutedServices
  private readonly services = new Map<string, Service>()
  private readonly environments = new Set<string>()
  private readonly environmentSymbols = new SymbolTable(1_000)
  private readonly serviceSymbols = new SymbolTable(10_000)
  private readonly operationSymbols = new SymbolTable(MOST_OPERATIONS + 1)
  private operationCount = 0
  private statementCount = 0

  constructor(limits: CardinalityLimits, routed: RoutedServices = noRoutedServices()) {
    this.limits = limits
    this.routed = routed
  }

  service(environment: string, name: string): Service {
    const known = this.services.get(nameOf(environment, name))
    if (known !== undefined) return known
    if (name !== OTHER && this.services.size >= this.limits.maxServices) {
      return this.service(environment, OTHER)
    }
    if (!this.admitsEnvironment(environment)) return this.service(OTHER, OTHER)
    const service: Service = {
      id: this.services.size + 1,
      environment: this.environmentSymbols.get(environment),
      name: this.serviceSymbols.get(name),
      operations: new Map(),
      statements: new Set(),
      tellsRoutes: this.routed.has(nameOf(environment, name)),
      paths: 0,
    }
    this.services.set(nameOf(environment, name), service)
    return service
  }

  /** It told a route: from now on, and after the next start, what has none is nobody's. */
  learnRoutes(service: Service): void {
    if (service.tellsRoutes) return
    service.tellsRoutes = true
    this.routed.add(nameOf(service.environment.text, service.name.text))
  }

  private admitsEnvironment(environment: string): boolean {
    if (environment === OTHER || this.environments.has(environment)) return true
    if (this.environments.size >= MOST_ENVIRONMENTS) return false
    this.environments.add(environment)
    return true
  }

  operation(service: Service, kind: number, name: string): OperationEntry {
    const key = `${kind}${name}`
    const known = service.operations.get(key)
    if (known !== undefined) return known
    const isFull =
      service.operations.size >= this.limits.maxOperationsPerService ||
      this.operationCount >= MOST_OPERATIONS
    if (isFull && name !== OTHER) return this.operation(service, kind, OTHER)

    const entry: OperationEntry = {
      symbol: this.operationSymbols.get(name),
      isOther: name === OTHER,
      kind,
      calls: 0,
      errors: 0,
      durationSecondsSum: 0,
      buckets: new Float64Array(OPERATION_BUCKETS_SECONDS.length + 1),
    }
    service.operations.set(key, entry)
    this.operationCount++
    return entry
  }

  /** Whether a service may have this operation, whose name comes from a caller, beside those it has. */
  admitsPath(service: Service, kind: number, name: string): boolean {
    if (service.operations.has(`${kind}${name}`)) return true
    const { maxOperationsPerService, maxPathOperationsRatio } = this.limits
    if (service.paths >= maxOperationsPerService * maxPathOperationsRatio) return false
    service.paths++
    return true
  }

  /** Whether the service may have this statement beside those it has shown already. */
  admitsStatement(service: Service, fingerprint: number): boolean {
    if (service.statements.has(fingerprint)) return true
    if (
      service.statements.size >= this.limits.maxStatementsPerService ||
      this.statementCount >= MOST_STATEMENTS
    ) {
      return false
    }
    service.statements.add(fingerprint)
    this.statementCount++
    return true
  }

  /** Cumulative, as OpenMetrics wants buckets. */
  counters(): OperationCounters[] {
    const all: OperationCounters[] = []
    for (const service of this.services.values()) {
      for (const entry of service.operations.values()) {
        if (entry.calls === 0) continue
        let sum = 0
        all.push({
          environment: service.environment.text,
          service: service.name.text,
          operation: entry.symbol.text,
          kind: SPAN_KINDS[entry.kind] ?? 'unspecified',
          calls: entry.calls,
          errors: entry.errors,
          durationSecondsSum: entry.durationSecondsSum,
          buckets: OPERATION_BUCKETS_SECONDS.map((_, i) => {
            sum += entry.buckets[i] ?? 0
            return sum
          }),
        })
      }
    }
    return all
  }

  get cacheBytes(): number {
    return (
      this.operationSymbols.bytes +
      this.serviceSymbols.bytes +
      this.services.size * 600 +
      this.operationCount * 420 +
      this.statementCount * 48
    )
  }
}

function nameOf(environment: string, service: string): string {
  return `${environment}\0${service}`
}

export function countCall(
  entry: OperationEntry,
  durationSeconds: number,
  failed: boolean,
  weight: number,
): void {
  entry.calls += weight
  if (failed) entry.errors += weight
  entry.durationSecondsSum += durationSeconds * weight
  let bucket = 0
  while (
    bucket < OPERATION_BUCKETS_SECONDS.length &&
    durationSeconds > (OPERATION_BUCKETS_SECONDS[bucket] as number)
  ) {
    bucket++
  }
  entry.buckets[bucket] = (entry.buckets[bucket] as number) + weight
}
