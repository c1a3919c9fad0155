import type {
  AgentListParams,
  Asked,
  IssueListParams,
  MeasurementListParams,
  OperationAsk,
  OperationListParams,
  OptimizationListParams,
  Profile,
  ProfileListParams,
  RuntimeListParams,
  RuntimeMemoryParams,
  RuntimeParams,
  ScopeParams,
  StatementListParams,
  TraceListParams,
} from '@perfloop/client'
import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { perfloop } from './perfloop.ts'

type ScopeAsk = Asked<ScopeParams>

// One place for every question the pages ask: its key, and the call. While a filter changes the old answer
// stays on screen (keepPreviousData), so that nothing jumps.

export const healthQuery = () =>
  queryOptions({
    queryKey: ['health'],
    queryFn: ({ signal }) => perfloop.health({ signal }),
    refetchInterval: 15_000,
  })

export const overviewQuery = (ask: ScopeAsk) =>
  queryOptions({
    queryKey: ['overview', ask],
    queryFn: ({ signal }) => perfloop.overview(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const servicesQuery = (ask: ScopeAsk) =>
  queryOptions({
    queryKey: ['services', ask],
    queryFn: ({ signal }) => perfloop.services(ask, { signal }),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  })

export const operationsQuery = (ask: Asked<OperationListParams>) =>
  queryOptions({
    queryKey: ['operations', ask],
    queryFn: ({ signal }) => perfloop.operations(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const operationQuery = (ask: OperationAsk) =>
  queryOptions({
    queryKey: ['operation', ask],
    queryFn: ({ signal }) => perfloop.operation(ask, { signal }),
  })

export const operationSeriesQuery = (ask: OperationAsk) =>
  queryOptions({
    queryKey: ['operation-series', ask],
    queryFn: ({ signal }) => perfloop.operationSeries(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const operationStatementsQuery = (ask: OperationAsk) =>
  queryOptions({
    queryKey: ['operation-statements', ask],
    queryFn: ({ signal }) => perfloop.operationStatements(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const measurementsQuery = (ask: OperationAsk & Asked<MeasurementListParams>) =>
  queryOptions({
    queryKey: ['measurements', ask],
    queryFn: ({ signal }) => perfloop.operationMeasurements(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const statementsQuery = (ask: Asked<StatementListParams>) =>
  queryOptions({
    queryKey: ['statements', ask],
    queryFn: ({ signal }) => perfloop.statements(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const statementQuery = (fingerprint: string, ask: ScopeAsk) =>
  queryOptions({
    queryKey: ['statement', fingerprint, ask],
    queryFn: ({ signal }) => perfloop.statement(fingerprint, ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const resourcesQuery = (ask: ScopeAsk) =>
  queryOptions({
    queryKey: ['resources', ask],
    queryFn: ({ signal }) => perfloop.resources(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const runtimesQuery = (ask: Asked<RuntimeListParams>) =>
  queryOptions({
    queryKey: ['runtimes', ask],
    queryFn: ({ signal }) => perfloop.runtimes(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const runtimeServicesQuery = (ask: Asked<RuntimeListParams>) =>
  queryOptions({
    queryKey: ['runtime-services', ask],
    queryFn: ({ signal }) => perfloop.runtimeServices(ask, { signal }),
    placeholderData: keepPreviousData,
  })

type RuntimeAsk = Asked<RuntimeParams> & Pick<RuntimeParams, 'environment' | 'service'>

export const runtimeQuery = (ask: RuntimeAsk) =>
  queryOptions({
    queryKey: ['runtime', ask],
    queryFn: ({ signal }) => perfloop.runtime(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const runtimeMemoryQuery = (ask: RuntimeMemoryParams) =>
  queryOptions({
    queryKey: ['runtime-memory', ask],
    queryFn: ({ signal }) => perfloop.runtimeMemory(ask, { signal }),
  })

export const eventLoopBlocksQuery = (ask: RuntimeAsk) =>
  queryOptions({
    queryKey: ['event-loop-blocks', ask],
    queryFn: ({ signal }) => perfloop.eventLoopBlocks(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const tracesQuery = (ask: Asked<TraceListParams>) =>
  queryOptions({
    queryKey: ['traces', ask],
    queryFn: ({ signal }) => perfloop.traces(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const traceQuery = (traceId: string) =>
  queryOptions({
    queryKey: ['trace', traceId],
    queryFn: ({ signal }) => perfloop.trace(traceId, { signal }),
    staleTime: 60_000,
  })

export const issuesQuery = (ask: Asked<IssueListParams>) =>
  queryOptions({
    queryKey: ['issues', ask],
    queryFn: ({ signal }) => perfloop.issues(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const issueQuery = (id: string) =>
  queryOptions({
    queryKey: ['issue', id],
    queryFn: ({ signal }) => perfloop.issue(id, { signal }),
  })

export const optimizationsQuery = (ask: Asked<OptimizationListParams>) =>
  queryOptions({
    queryKey: ['optimizations', ask],
    queryFn: ({ signal }) => perfloop.optimizations(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const optimizationQuery = (id: string) =>
  queryOptions({
    queryKey: ['optimization', id],
    queryFn: ({ signal }) => perfloop.optimization(id, { signal }),
  })

export const agentsQuery = (ask: Asked<AgentListParams>) =>
  queryOptions({
    queryKey: ['agents', ask],
    queryFn: ({ signal }) => perfloop.agents(ask, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 5_000,
  })

export const isOpenProfile = ({ status }: Pick<Profile, 'status'>): boolean =>
  status === 'requested' || status === 'running'

export const profilesQuery = (ask: Asked<ProfileListParams>) =>
  queryOptions({
    queryKey: ['profiles', ask],
    queryFn: ({ signal }) => perfloop.profiles(ask, { signal }),
    placeholderData: keepPreviousData,
  })

/** The stream tells how far it is; asked again until it is there where the stream is broken. It never changes then. */
export const profileQuery = (id: string) =>
  queryOptions({
    queryKey: ['profile', id],
    queryFn: ({ signal }) => perfloop.profile(id, { signal }),
    refetchInterval: query =>
      query.state.data === undefined || isOpenProfile(query.state.data) ? 5_000 : false,
  })

export const hotCodeQuery = (
  ask: ScopeAsk & { readonly environment: string; readonly service: string },
) =>
  queryOptions({
    queryKey: ['hot-code', ask],
    queryFn: ({ signal }) => perfloop.hotCode(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const coverageQuery = (ask: ScopeAsk) =>
  queryOptions({
    queryKey: ['coverage', ask],
    queryFn: ({ signal }) => perfloop.coverage(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const serviceCoverageQuery = (
  ask: ScopeAsk & { readonly environment: string; readonly service: string },
) =>
  queryOptions({
    queryKey: ['service-coverage', ask],
    queryFn: ({ signal }) => perfloop.serviceCoverage(ask, { signal }),
    placeholderData: keepPreviousData,
  })

export const targetsQuery = () =>
  queryOptions({
    queryKey: ['targets'],
    queryFn: ({ signal }) => perfloop.targets({ signal }),
    refetchInterval: 30_000,
  })

export const policyQuery = () =>
  queryOptions({ queryKey: ['policy'], queryFn: ({ signal }) => perfloop.policy({ signal }) })

export const settingsQuery = () =>
  queryOptions({
    queryKey: ['settings'],
    queryFn: ({ signal }) => perfloop.settings({ signal }),
    staleTime: 60_000,
  })

export const ingestTokensQuery = () =>
  queryOptions({
    queryKey: ['ingest-tokens'],
    queryFn: ({ signal }) => perfloop.ingestTokens({ signal }),
  })
