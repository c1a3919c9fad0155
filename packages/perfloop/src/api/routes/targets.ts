import { z } from 'zod'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { TargetRecord } from '../../store/control/control-store.ts'
import { targetFactCounts } from '../../store/telemetry/queries/target-facts.query.ts'
import type { TelemetryStore } from '../../store/telemetry/telemetry-store.ts'
import type { ApiContext } from '../api-context.ts'
import { Target, TargetInput } from '../contract/config.ts'
import { defineEndpoint } from '../endpoint.ts'

const Id = z.object({ id: z.string() })

export const targetEndpoints = [
  defineEndpoint({
    name: 'config.targets',
    method: 'GET',
    path: '/config/targets',
    summary: 'Databases and other things that can be inspected or changed',
    access: 'read',
    data: z.array(Target),
    async answer({ telemetry }, context) {
      const records = await context.control.targets.list()
      return { data: await toTargets(records, context, telemetry) }
    },
  }),
  defineEndpoint({
    name: 'config.target.add',
    method: 'POST',
    path: '/config/targets',
    summary: 'Add a target; it is checked at once',
    access: 'write',
    body: TargetInput,
    data: Target,
    created: true,
    async answer({ body, actor, telemetry }, context) {
      const record = await context.optimizer.addTarget(body, actor)
      return toAnswer(record, context, telemetry)
    },
  }),
  defineEndpoint({
    name: 'config.target.check',
    method: 'POST',
    path: '/config/targets/:id/check',
    summary: 'Look whether a target answers and what may be done there',
    access: 'write',
    params: Id,
    body: z.strictObject({}).prefault({}),
    data: Target,
    async answer({ params, telemetry }, context) {
      await requireTarget(context, params.id)
      return toAnswer(await context.optimizer.checkTarget(params.id), context, telemetry)
    },
  }),
  defineEndpoint({
    name: 'config.target.remove',
    method: 'DELETE',
    path: '/config/targets/:id',
    summary: 'Forget a target; nothing is changed there',
    access: 'write',
    params: Id,
    query: z.object({
      force: z
        .enum(['true', 'false'])
        .default('false')
        .describe('true: also where changes were made, which then stay and are left to a person'),
    }),
    data: z.object({ id: z.string() }),
    async answer({ params, query, actor }, context) {
      await requireTarget(context, params.id)
      await context.optimizer.removeTarget(params.id, actor, query.force === 'true')
      return { target: { type: 'target', id: params.id }, data: { id: params.id } }
    },
  }),
]

async function requireTarget({ control }: ApiContext, id: string): Promise<void> {
  if ((await control.targets.get(id)) === undefined) {
    throw new PerfloopError('NOT_FOUND', { target: id })
  }
}

async function toAnswer(record: TargetRecord, context: ApiContext, telemetry: TelemetryStore) {
  const [data] = await toTargets([record], context, telemetry)
  if (data === undefined) throw new PerfloopError('NOT_FOUND', { target: record.id })
  return { target: { type: 'target', id: record.id }, data }
}

async function toTargets(
  records: readonly TargetRecord[],
  { optimizer }: ApiContext,
  telemetry: TelemetryStore,
): Promise<Target[]> {
  const facts = await telemetry.run(targetFactCounts, {})
  return records.map(record => {
    const known = facts.find(({ target }) => target === record.id)
    return {
      id: record.id,
      kind: record.kind,
      name: record.name,
      environment: record.environment,
      services: [...record.services],
      options: { ...optimizer.shownOptions(record) },
      status: record.status,
      version: record.version,
      notes: [...record.notes],
      can_change: record.canChange,
      collected_at: record.collectedAt,
      facts: {
        tables: known?.tables ?? 0,
        indexes: known?.indexes ?? 0,
        plans: known?.plans ?? 0,
      },
      created_at: record.createdAt,
    }
  })
}
