import { z } from 'zod'
import { flameGraph } from '../../agents/flame-graph.ts'
import { type Profile as ReadableProfile, readProfile } from '../../agents/pprof.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { ProfileRecord } from '../../store/control/control-store.ts'
import type { ApiContext } from '../api-context.ts'
import {
  type FlameGraph,
  HotCode,
  HotCodeParams,
  Profile,
  ProfileDetail,
  ProfileInput,
  ProfileListParams,
} from '../contract/agents.ts'
import { defineEndpoint } from '../endpoint.ts'
import { toLimit } from '../page.ts'
import { readRange } from '../request-range.ts'

/** Of all stacks that are added up. */
const MOST_FRAMES = 2_000_000

export const profileEndpoints = [
  defineEndpoint({
    name: 'measure.profiles',
    method: 'GET',
    path: '/measure/profiles',
    summary: 'Profiles of CPU and heap, newest first',
    access: 'read',
    query: ProfileListParams,
    data: z.array(Profile),
    paginated: true,
    async answer({ query }, { control }) {
      const { page: _page, per_page: _perPage, ...filter } = query
      const given = Object.fromEntries(
        Object.entries(filter).filter(([, value]) => value !== undefined),
      )
      const { rows, total } = await control.profiles.list({ ...given, ...toLimit(query) })
      return { data: rows.map(toProfile), total }
    },
  }),
  defineEndpoint({
    name: 'measure.profile.request',
    method: 'POST',
    path: '/measure/profiles',
    summary: 'Ask an agent for a profile; it is taken at once',
    access: 'write',
    body: ProfileInput,
    data: Profile,
    created: true,
    async answer({ body, actor }, { agents }) {
      const record = await agents.requestProfile(body.agent, body.kind, body.duration_ms, actor)
      return { target: { type: 'profile', id: record.id }, data: toProfile(record) }
    },
  }),
  defineEndpoint({
    name: 'measure.hot-code',
    method: 'GET',
    path: '/measure/hot-code',
    summary: 'Where the code of a service spends its time: its continuous profile within the range',
    access: 'read',
    query: HotCodeParams,
    data: HotCode,
    async answer({ query, nowUnixMs }, context) {
      const { control, settings } = context
      const { environment, service } = query
      const range = readRange(query, nowUnixMs)
      const { rows } = await control.profiles.list({
        environment,
        service,
        kind: 'cpu',
        origin: 'continuous',
        since: new Date(range.fromUnixMs).toISOString(),
        until: new Date(range.toUnixMs).toISOString(),
        limit: settings.agents.mergedProfiles,
        offset: 0,
      })
      const profiles: ReadableProfile[] = []
      let frames = 0
      for (const { id } of rows) {
        const bytes = await control.profiles.bytes(id)
        if (bytes === undefined) continue
        const profile = await readProfile(bytes)
        for (const { stack } of profile.samples) frames += stack.length
        // Of true ones it is a small part of this, however many there are.
        if (frames > MOST_FRAMES) break
        profiles.push(profile)
      }
      const [first] = profiles
      const samples = profiles
        .filter(({ unit }) => unit === first?.unit)
        .flatMap(profile => profile.samples)
      return {
        target: { type: 'service', id: service },
        data: {
          environment,
          service,
          profiles: profiles.length,
          duration_ms: rows.reduce((sum, { durationMs }) => sum + durationMs, 0),
          graph: first === undefined ? null : toGraph({ ...first, samples }, context),
        },
      }
    },
  }),
  defineEndpoint({
    name: 'measure.profile',
    method: 'GET',
    path: '/measure/profiles/:id',
    summary: 'One profile: how far it is, and its flame graph once it is there',
    access: 'read',
    params: z.object({ id: z.uuid() }),
    data: ProfileDetail,
    async answer({ params }, context) {
      const record = await context.control.profiles.get(params.id)
      if (record === undefined) throw new PerfloopError('NOT_FOUND', { profile: params.id })
      return {
        target: { type: 'profile', id: record.id },
        data: { ...toProfile(record), graph: await graphOf(record, context) },
      }
    },
  }),
]

async function graphOf(
  { id, status }: ProfileRecord,
  context: ApiContext,
): Promise<ProfileDetail['graph']> {
  if (status !== 'finished') return null
  const bytes = await context.control.profiles.bytes(id)
  if (bytes === undefined) return null
  return toGraph(await readProfile(bytes), context)
}

function toGraph(profile: ReadableProfile, { settings }: ApiContext): FlameGraph {
  const { root, functions, frames, hidden } = flameGraph(profile, settings.agents.maxFrames)
  return {
    type: profile.type,
    unit: profile.unit,
    root,
    functions: [...functions],
    frames,
    hidden,
  }
}

function toProfile(record: ProfileRecord): Profile {
  return {
    id: record.id,
    agent: record.agent,
    environment: record.environment,
    service: record.service,
    instance: record.instance,
    kind: record.kind,
    origin: record.origin,
    status: record.status,
    duration_ms: record.durationMs,
    actor: record.actor,
    requested_at: record.requestedAt,
    started_at: record.startedAt,
    finished_at: record.finishedAt,
    failure: record.failure,
    size_bytes: record.sizeBytes,
  }
}
