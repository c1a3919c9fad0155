import { z } from 'zod'
import { isWholeKnob } from '../../agents/is-whole-knob.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { AgentRecord, KnobValueRecord } from '../../store/control/control-store.ts'
import type { ApiContext } from '../api-context.ts'
import { Agent, AgentListParams, KnobBack, KnobInput, KnobTurned } from '../contract/agents.ts'
import { defineEndpoint } from '../endpoint.ts'
import { toLimit } from '../page.ts'

export const agentEndpoints = [
  defineEndpoint({
    name: 'config.agents',
    method: 'GET',
    path: '/config/agents',
    summary: 'Agents inside applications, and the knobs their hosts let be turned',
    access: 'read',
    query: AgentListParams,
    data: z.array(Agent),
    paginated: true,
    async answer({ query }, context) {
      const { environment, service } = query
      const [{ rows, total }, turned] = await Promise.all([
        context.control.agents.list({
          ...(environment === undefined ? {} : { environment }),
          ...(service === undefined ? {} : { service }),
          ...toLimit(query),
        }),
        context.control.knobValues.list(),
      ])
      return { data: rows.map(row => toAgent(row, turned, context)), total }
    },
  }),
  defineEndpoint({
    name: 'config.agent',
    method: 'GET',
    path: '/config/agents/:id',
    summary: 'One agent',
    access: 'read',
    params: z.object({ id: z.string() }),
    data: Agent,
    async answer({ params }, context) {
      const record = await context.control.agents.get(params.id)
      if (record === undefined) throw new PerfloopError('NOT_FOUND', { agent: params.id })
      const turned = await context.control.knobValues.list(record)
      return {
        target: { type: 'agent', id: params.id },
        data: toAgent(record, turned, context),
      }
    },
  }),
  defineEndpoint({
    name: 'config.knob.turn',
    method: 'PUT',
    path: '/config/knobs',
    summary: 'Turn a knob of a service for a while, within the bounds of its hosts',
    access: 'write',
    body: KnobInput,
    data: KnobTurned,
    async answer({ body, actor }, { agents, optimizer }) {
      const policy = await optimizer.policy()
      if (policy.killSwitch) {
        throw new PerfloopError('KILL_SWITCH_ENGAGED', { reason: policy.killSwitchReason })
      }
      const record = await agents.turnKnob({
        environment: body.environment,
        service: body.service,
        name: body.name,
        value: body.value,
        forMs: body.for_ms,
        actor,
        reason: body.reason ?? null,
      })
      return { target: { type: 'knob', id: record.name }, data: toKnobTurned(record) }
    },
  }),
  defineEndpoint({
    name: 'config.knob.back',
    method: 'POST',
    path: '/config/knobs/back',
    summary: 'Put a knob back to what the host has set',
    access: 'write',
    body: KnobBack,
    data: z.object({ name: z.string() }),
    async answer({ body, actor }, { agents }) {
      await agents.putKnobBack(body, actor, body.reason ?? null)
      return { target: { type: 'knob', id: body.name }, data: { name: body.name } }
    },
  }),
]

function toAgent(
  record: AgentRecord,
  turned: readonly KnobValueRecord[],
  { agents }: ApiContext,
): Agent {
  const { environment, service } = record
  const ofService = turned.filter(
    knob => knob.environment === environment && knob.service === service,
  )
  return {
    id: record.id,
    environment,
    service,
    instance: record.instance,
    connected: agents.isConnected(record),
    agent_version: record.agentVersion,
    runtime: record.runtime,
    runtime_version: record.runtimeVersion,
    host: record.host,
    process_id: record.processId,
    frameworks: record.frameworks.map(framework => ({ ...framework })),
    knobs: record.knobs.map(({ ownValue, ...knob }) => {
      const value = ofService.find(({ name }) => name === knob.name)
      return {
        ...knob,
        own_value: ownValue,
        whole: isWholeKnob(knob),
        turned: value ? toKnobTurned(value) : null,
      }
    }),
    started_at: record.startedAt,
    first_seen: record.firstSeen,
    last_seen: new Date(agents.lastSeenMs(record)).toISOString(),
  }
}

function toKnobTurned({ setAt, expiresAt, ...knob }: KnobValueRecord): KnobTurned {
  return { ...knob, set_at: setAt, expires_at: expiresAt }
}
