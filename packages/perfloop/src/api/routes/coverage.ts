import { z } from 'zod'
import { type Coverage, compareCoverage } from '../../agents/compare-coverage.ts'
import { currentDeclarations } from '../../agents/current-declarations.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { DeclarationRecord } from '../../store/control/control-store.ts'
import { models } from '../../store/telemetry/queries/models.query.ts'
import { rollupRange } from '../../store/telemetry/queries/rollup-range.ts'
import { servedOperations } from '../../store/telemetry/queries/served-operations.query.ts'
import type { TelemetryStore } from '../../store/telemetry/telemetry-store.ts'
import type { ApiContext } from '../api-context.ts'
import {
  CoverageDetail,
  CoverageParams,
  ServiceCoverage,
  ServiceCoverageParams,
} from '../contract/agents.ts'
import { defineEndpoint } from '../endpoint.ts'
import { filters } from '../measure-overview.ts'
import { isoFromSeconds, readRange } from '../request-range.ts'

export const coverageEndpoints = [
  defineEndpoint({
    name: 'insights.coverage',
    method: 'GET',
    path: '/insights/coverage',
    summary:
      'Declared routes and models of each service, and how many of them were seen in the range',
    access: 'read',
    query: CoverageParams,
    data: z.array(ServiceCoverage),
    answer: async ({ query, telemetry, nowUnixMs }, context) => ({
      data: (await measureCoverage(telemetry, context, query, nowUnixMs)).map(
        ({ route_list: _routes, model_list: _models, ...counts }) => counts,
      ),
    }),
  }),
  defineEndpoint({
    name: 'insights.coverage.service',
    method: 'GET',
    path: '/insights/coverage/service',
    summary: 'Every route and model of one service: declared, seen, or only one of the two',
    access: 'read',
    query: ServiceCoverageParams,
    data: CoverageDetail,
    async answer({ query, telemetry, nowUnixMs }, context) {
      const [found] = await measureCoverage(telemetry, context, query, nowUnixMs)
      if (found === undefined) throw new PerfloopError('NOT_FOUND', { service: query.service })
      return { target: { type: 'service', id: query.service }, data: found }
    },
  }),
]

async function measureCoverage(
  telemetry: TelemetryStore,
  { control, settings, agents }: ApiContext,
  scope: z.output<typeof CoverageParams>,
  nowUnixMs: number,
): Promise<CoverageDetail[]> {
  const { environment, service } = scope
  const range = readRange(scope, nowUnixMs)
  const rollup = rollupRange(range.fromUnixMs, range.toUnixMs)
  const { maxOperationsPerService, maxServices } = settings.ingest
  const max_rows = maxOperationsPerService * Math.min(maxServices, MOST_SERVICES_AT_ONCE)
  const { rows } = await control.agents.list({
    ...(environment === undefined ? {} : { environment }),
    ...(service === undefined ? {} : { service }),
    limit: settings.agents.maxAgents,
    offset: 0,
  })
  const declared = await currentDeclarations(control, rows, settings.agents.generationMs, agent =>
    agents.lastSeenMs(agent),
  )
  if (declared.length === 0) return []
  const [operations, tables] = await Promise.all([
    telemetry.run(servedOperations, { ...rollup, ...filters(scope), max_rows }),
    telemetry.run(models, { ...rollup, ...filters(scope), limit: max_rows, offset: 0 }),
  ])
  return declared.flatMap(declarations => {
    const [first] = declarations
    if (first === undefined) return []
    const isOfService = (row: { environment: string; service: string }) =>
      row.environment === first.environment && row.service === first.service
    const coverage = compareCoverage(
      declarations,
      operations
        .filter(isOfService)
        .map(({ last_s, ...operation }) => ({ ...operation, lastSeenUnixS: last_s })),
      tables.filter(isOfService),
    )
    return [toCoverage(first, declarations, coverage)]
  })
}

/** Of services with thousands of operations each, which nobody has many of. */
const MOST_SERVICES_AT_ONCE = 20

function toCoverage(
  { environment, service }: DeclarationRecord,
  declarations: readonly DeclarationRecord[],
  { routes, models: modelList }: Coverage,
): CoverageDetail {
  return {
    environment,
    service,
    routes: count(
      routes,
      ({ framework }) => framework !== null,
      ({ calls }) => calls > 0,
    ),
    models: count(
      modelList,
      ({ mapper }) => mapper !== null,
      ({ reads, writes }) => reads + writes > 0,
    ),
    omitted: Math.max(...declarations.map(({ omitted }) => omitted)),
    declared_at:
      declarations
        .map(({ declaredAt }) => declaredAt)
        .sort()
        .at(-1) ?? '',
    route_list: routes.map(({ lastSeenUnixS, ...route }) => ({
      ...route,
      last_seen: lastSeenUnixS === null ? null : isoFromSeconds(lastSeenUnixS),
    })),
    model_list: [...modelList],
  }
}

function count<Item>(
  items: readonly Item[],
  isDeclared: (item: Item) => boolean,
  isSeen: (item: Item) => boolean,
) {
  const declared = items.filter(isDeclared)
  const seen = declared.filter(isSeen)
  return {
    declared: declared.length,
    seen: seen.length,
    undeclared: items.length - declared.length,
    percent: declared.length === 0 ? null : (100 * seen.length) / declared.length,
  }
}
