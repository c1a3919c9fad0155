import type {
  Agent,
  AgentListParams,
  CoverageDetail,
  EventLoopBlock,
  EventLoopBlockParams,
  Health,
  HotCode,
  HotCodeParams,
  IngestToken,
  IngestTokenInput,
  Issue,
  IssueChange,
  IssueDetail,
  IssueListParams,
  KillSwitchInput,
  KnobBack,
  KnobInput,
  KnobTurned,
  Measurement,
  MeasurementListParams,
  ModelSummary,
  OperationDetail,
  OperationListParams,
  OperationParams,
  OperationSummary,
  Optimization,
  OptimizationDetail,
  OptimizationListParams,
  Overview,
  Pagination,
  Policy,
  Profile,
  ProfileDetail,
  ProfileInput,
  ProfileListParams,
  ResourceSeries,
  Runtime,
  RuntimeInstance,
  RuntimeListParams,
  RuntimeMemory,
  RuntimeMemoryParams,
  RuntimeParams,
  RuntimeService,
  ScopeParams,
  Series,
  ServiceCoverage,
  ServiceCoverageParams,
  ServiceSummary,
  SettingView,
  StatementDetail,
  StatementListParams,
  StatementSummary,
  Target,
  TargetInput,
  Trace,
  TraceListParams,
  TraceSummary,
} from 'perfloop/contract'
import { type LiveStream, type LiveStreamOptions, openLiveStream } from './live-stream.ts'
import {
  type Answer,
  type ApiRequest,
  type QueryValues,
  request,
  type Transport,
  toUrl,
} from './request.ts'
import { DEFAULT_RETRY, type RetryOptions } from './retry.ts'

export interface PerfloopClientOptions {
  /** Where Perfloop is, such as `http://127.0.0.1:4600`. Empty: the page's own origin. */
  readonly baseUrl?: string
  /** Admin token; a browser signs in with {@link PerfloopClient.signIn} instead and keeps a cookie. */
  readonly token?: string
  readonly fetch?: typeof fetch
  readonly retry?: Partial<RetryOptions>
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/** Everything in a query may be left out; the server's defaults then hold. */
export type Asked<Params> = { readonly [Name in keyof Params]?: Params[Name] | undefined }
type AskedFor<Params, Required extends keyof Params> = Asked<Params> &
  Readonly<Pick<Params, Required>>
export type OperationAsk = AskedFor<
  OperationParams,
  'environment' | 'service' | 'operation' | 'kind'
>

export interface Page<Item> {
  readonly items: readonly Item[]
  readonly pagination: Pagination
}

export type OptimizationStep = 'approve' | 'apply' | 'dismiss' | 'rollback' | 'keep'

export interface NewIngestToken extends IngestToken {
  /** Shown once; only its hash is kept. */
  readonly token: string
}

/**
 * The HTTP API, one method per endpoint. Reads are repeated on passing failures, writes never are.
 *
 *     const perfloop = createPerfloopClient({ baseUrl: 'http://127.0.0.1:4600' })
 *     const { items } = await perfloop.issues({ status: 'active', sort: 'recoverable' })
 *
 * A failed call rejects with {@link ApiFailure}; an aborted one with the signal's reason.
 */
export interface PerfloopClient {
  health(options?: CallOptions): Promise<Health>

  overview(ask?: Asked<ScopeParams>, options?: CallOptions): Promise<Overview>
  services(ask?: Asked<ScopeParams>, options?: CallOptions): Promise<readonly ServiceSummary[]>
  operations(
    ask?: Asked<OperationListParams>,
    options?: CallOptions,
  ): Promise<Page<OperationSummary>>
  operation(ask: OperationAsk, options?: CallOptions): Promise<OperationDetail>
  operationSeries(ask: OperationAsk, options?: CallOptions): Promise<Series>
  operationStatements(ask: OperationAsk, options?: CallOptions): Promise<Page<StatementSummary>>
  operationMeasurements(
    ask: AskedFor<MeasurementListParams, 'environment' | 'service' | 'operation' | 'kind'>,
    options?: CallOptions,
  ): Promise<Page<Measurement>>
  statements(
    ask?: Asked<StatementListParams>,
    options?: CallOptions,
  ): Promise<Page<StatementSummary>>
  statement(
    fingerprint: string,
    ask?: Asked<ScopeParams>,
    options?: CallOptions,
  ): Promise<StatementDetail>
  models(ask?: Asked<ScopeParams>, options?: CallOptions): Promise<Page<ModelSummary>>
  resources(ask?: Asked<ScopeParams>, options?: CallOptions): Promise<readonly ResourceSeries[]>
  /** Processes that tell of themselves, the latest first. */
  runtimes(ask?: Asked<RuntimeListParams>, options?: CallOptions): Promise<Page<RuntimeInstance>>
  runtimeServices(
    ask?: Asked<RuntimeListParams>,
    options?: CallOptions,
  ): Promise<Page<RuntimeService>>
  /** What the processes of a service need, over time. */
  runtime(
    ask: AskedFor<RuntimeParams, 'environment' | 'service'>,
    options?: CallOptions,
  ): Promise<Runtime>
  /** Whether the memory of each of its living processes was stable for a day. */
  runtimeMemory(ask: RuntimeMemoryParams, options?: CallOptions): Promise<readonly RuntimeMemory[]>
  eventLoopBlocks(
    ask: AskedFor<EventLoopBlockParams, 'environment' | 'service'>,
    options?: CallOptions,
  ): Promise<Page<EventLoopBlock>>

  traces(ask?: Asked<TraceListParams>, options?: CallOptions): Promise<Page<TraceSummary>>
  trace(traceId: string, options?: CallOptions): Promise<Trace>

  issues(ask?: Asked<IssueListParams>, options?: CallOptions): Promise<Page<Issue>>
  issue(id: string, options?: CallOptions): Promise<IssueDetail>
  changeIssue(id: string, change: IssueChange, options?: CallOptions): Promise<IssueDetail>
  optimizations(
    ask?: Asked<OptimizationListParams>,
    options?: CallOptions,
  ): Promise<Page<Optimization>>
  optimization(id: string, options?: CallOptions): Promise<OptimizationDetail>
  /** Approve, apply, dismiss, roll back or keep. A 409 means that the state changed meanwhile. */
  stepOptimization(
    id: string,
    step: OptimizationStep,
    reason?: string,
    options?: CallOptions,
  ): Promise<OptimizationDetail>

  profiles(ask?: Asked<ProfileListParams>, options?: CallOptions): Promise<Page<Profile>>
  /** With its flame graph once it is finished. */
  profile(id: string, options?: CallOptions): Promise<ProfileDetail>
  requestProfile(profile: AskedFor<ProfileInput, 'agent'>, options?: CallOptions): Promise<Profile>
  /** Where its file is, a gzipped pprof: for a link that saves it. */
  profileFileUrl(id: string): string
  /** The continuous profile of a service, added up. */
  hotCode(
    ask: AskedFor<HotCodeParams, 'environment' | 'service'>,
    options?: CallOptions,
  ): Promise<HotCode>
  /** Of each service that declared something. */
  coverage(ask?: Asked<ScopeParams>, options?: CallOptions): Promise<readonly ServiceCoverage[]>
  serviceCoverage(
    ask: AskedFor<ServiceCoverageParams, 'environment' | 'service'>,
    options?: CallOptions,
  ): Promise<CoverageDetail>

  agents(ask?: Asked<AgentListParams>, options?: CallOptions): Promise<Page<Agent>>
  agent(id: string, options?: CallOptions): Promise<Agent>
  /** Turns a knob of all instances of a service, for a while. */
  turnKnob(
    knob: AskedFor<KnobInput, 'environment' | 'service' | 'name' | 'value'>,
    options?: CallOptions,
  ): Promise<KnobTurned>
  putKnobBack(knob: KnobBack, options?: CallOptions): Promise<void>
  targets(options?: CallOptions): Promise<readonly Target[]>
  addTarget(target: TargetInput, options?: CallOptions): Promise<Target>
  checkTarget(id: string, options?: CallOptions): Promise<Target>
  /** `force`: also where Perfloop made changes, which then stay. */
  removeTarget(id: string, ask?: { readonly force: boolean }, options?: CallOptions): Promise<void>
  settings(options?: CallOptions): Promise<readonly SettingView[]>
  policy(options?: CallOptions): Promise<Policy>
  setPolicy(rules: Policy['rules'], options?: CallOptions): Promise<Policy>
  setKillSwitch(change: KillSwitchInput, options?: CallOptions): Promise<Policy>
  ingestTokens(options?: CallOptions): Promise<readonly IngestToken[]>
  addIngestToken(token: IngestTokenInput, options?: CallOptions): Promise<NewIngestToken>
  revokeIngestToken(id: string, options?: CallOptions): Promise<void>

  /** Exchanges the admin token for a session cookie. */
  signIn(token: string, options?: CallOptions): Promise<void>
  signOut(options?: CallOptions): Promise<void>
  /** Live topics by server-sent events; see {@link openLiveStream}. */
  stream(options: Omit<LiveStreamOptions, 'url'>): LiveStream
}

export function createPerfloopClient(options: PerfloopClientOptions = {}): PerfloopClient {
  const transport: Transport = {
    baseUrl: options.baseUrl ?? '',
    token: options.token,
    fetch: options.fetch ?? globalThis.fetch.bind(globalThis),
    retry: { ...DEFAULT_RETRY, ...options.retry },
  }
  const get = async <Data>(path: string, query?: QueryValues, call?: CallOptions): Promise<Data> =>
    (await request<Data>(transport, { method: 'GET', path, query, signal: call?.signal })).data
  const list = async <Item>(
    path: string,
    query?: QueryValues,
    call?: CallOptions,
  ): Promise<Page<Item>> =>
    toPage(
      await request<readonly Item[]>(transport, {
        method: 'GET',
        path,
        query,
        signal: call?.signal,
      }),
    )
  const write = async <Data>(
    method: ApiRequest['method'],
    path: string,
    body?: unknown,
    call?: CallOptions,
  ): Promise<Data> =>
    (await request<Data>(transport, { method, path, body, signal: call?.signal })).data

  return {
    health: call => get('/health', undefined, call),

    overview: (ask, call) => get('/measure/overview', ask, call),
    services: (ask, call) => get('/measure/services', ask, call),
    operations: (ask, call) => list('/measure/operations', ask, call),
    operation: (ask, call) => get('/measure/operation', ask, call),
    operationSeries: (ask, call) => get('/measure/operation/series', ask, call),
    operationStatements: (ask, call) => list('/measure/operation/statements', ask, call),
    operationMeasurements: (ask, call) => list('/measure/operation/measurements', ask, call),
    statements: (ask, call) => list('/measure/statements', ask, call),
    statement: (fingerprint, ask, call) =>
      get(`/measure/statements/${encodeURIComponent(fingerprint)}`, ask, call),
    models: (ask, call) => list('/measure/models', ask, call),
    resources: (ask, call) => get('/measure/resources', ask, call),
    runtimes: (ask, call) => list('/measure/runtimes', ask, call),
    runtimeServices: (ask, call) => list('/measure/runtime/services', ask, call),
    runtime: (ask, call) => get('/measure/runtime', ask, call),
    runtimeMemory: (ask, call) => get('/measure/runtime/memory', ask, call),
    eventLoopBlocks: (ask, call) => list('/measure/runtime/blocks', ask, call),

    traces: (ask, call) => list('/traces', ask, call),
    trace: (traceId, call) => get(`/traces/${encodeURIComponent(traceId)}`, undefined, call),

    issues: (ask, call) => list('/insights/issues', ask, call),
    issue: (id, call) => get(`/insights/issues/${encodeURIComponent(id)}`, undefined, call),
    changeIssue: (id, change, call) =>
      write('PATCH', `/insights/issues/${encodeURIComponent(id)}`, change, call),
    optimizations: (ask, call) => list('/insights/optimizations', ask, call),
    optimization: (id, call) =>
      get(`/insights/optimizations/${encodeURIComponent(id)}`, undefined, call),
    stepOptimization: (id, step, reason, call) =>
      write(
        'POST',
        `/insights/optimizations/${encodeURIComponent(id)}/${step}`,
        reason === undefined || reason === '' ? {} : { reason },
        call,
      ),

    profiles: (ask, call) => list('/measure/profiles', ask, call),
    profile: (id, call) => get(`/measure/profiles/${encodeURIComponent(id)}`, undefined, call),
    requestProfile: (profile, call) => write('POST', '/measure/profiles', profile, call),
    profileFileUrl: id =>
      `${transport.baseUrl}/api/v1/measure/profiles/${encodeURIComponent(id)}/pprof`,
    hotCode: (ask, call) => get('/measure/hot-code', ask, call),
    coverage: (ask, call) => get('/insights/coverage', ask, call),
    serviceCoverage: (ask, call) => get('/insights/coverage/service', ask, call),

    agents: (ask, call) => list('/config/agents', ask, call),
    agent: (id, call) => get(`/config/agents/${encodeURIComponent(id)}`, undefined, call),
    turnKnob: (knob, call) => write('PUT', '/config/knobs', knob, call),
    putKnobBack: (knob, call) => write('POST', '/config/knobs/back', knob, call),
    targets: call => get('/config/targets', undefined, call),
    addTarget: (target, call) => write('POST', '/config/targets', target, call),
    checkTarget: (id, call) =>
      write('POST', `/config/targets/${encodeURIComponent(id)}/check`, {}, call),
    removeTarget: (id, ask, call) =>
      write(
        'DELETE',
        `/config/targets/${encodeURIComponent(id)}${ask?.force === true ? '?force=true' : ''}`,
        undefined,
        call,
      ),
    settings: call => get('/config/settings', undefined, call),
    policy: call => get('/config/policy', undefined, call),
    setPolicy: (rules, call) => write('PUT', '/config/policy', { rules }, call),
    setKillSwitch: (change, call) => write('PUT', '/config/kill-switch', change, call),
    ingestTokens: call => get('/config/ingest-tokens', undefined, call),
    addIngestToken: (token, call) => write('POST', '/config/ingest-tokens', token, call),
    revokeIngestToken: (id, call) =>
      write('DELETE', `/config/ingest-tokens/${encodeURIComponent(id)}`, undefined, call),

    signIn: (token, call) => write('POST', '/session', { token }, call),
    signOut: call => write('DELETE', '/session', undefined, call),
    stream: live =>
      openLiveStream({
        ...live,
        url: toUrl(transport.baseUrl, '/stream', {
          topics: live.topics.join(','),
          all_spans: live.allSpans === true ? true : undefined,
        }),
      }),
  }
}

/** A list that the server gives whole has no pagination: then it is its own one page. */
function toPage<Item>(answer: Answer<readonly Item[]>): Page<Item> {
  const items = answer.data
  return {
    items,
    pagination: answer.pagination ?? {
      page: 1,
      per_page: items.length,
      total: items.length,
      pages: 1,
      has_next: false,
      has_prev: false,
    },
  }
}
