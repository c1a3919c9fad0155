import { z } from 'zod'
import type { BuiltGraph } from '../../agents/build-flame-graph.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
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
import { toProfile } from '../present-profile.ts'
import { readRange } from '../request-range.ts'

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
    async answer({ query, nowUnixMs }, { control, settings, flameGraphs }) {
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
      const built = await flameGraphs.of(rows.map(({ id }) => id))
      return {
        target: { type: 'service', id: service },
        data: {
          environment,
          service,
          profiles: built?.profiles ?? 0,
          duration_ms: rows.reduce((sum, { durationMs }) => sum + durationMs, 0),
          graph: built === undefined ? null : toGraph(built),
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
    async answer({ params }, { control, flameGraphs }) {
      const record = await control.profiles.get(params.id)
      if (record === undefined) throw new PerfloopError('NOT_FOUND', { profile: params.id })
      const built = record.status === 'finished' ? await flameGraphs.of([record.id]) : undefined
      return {
        target: { type: 'profile', id: record.id },
        data: { ...toProfile(record), graph: built === undefined ? null : toGraph(built) },
      }
    },
  }),
]

function toGraph({ profiles: _, functions, ...graph }: BuiltGraph): FlameGraph {
  return { ...graph, functions: [...functions] }
}
