import { z } from 'zod'
import { OPTIMIZATION_STATUSES, type OptimizationStatus } from '../../domain/optimization.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { Optimizer } from '../../optimizer/optimizer.ts'
import type { OptimizationRecord } from '../../store/control/control-store.ts'
import type { TelemetryStore } from '../../store/telemetry/telemetry-store.ts'
import type { ApiContext } from '../api-context.ts'
import {
  Optimization,
  OptimizationAction,
  OptimizationDetail,
  OptimizationListParams,
} from '../contract/insights.ts'
import { defineEndpoint } from '../endpoint.ts'
import { toLimit } from '../page.ts'
import { toOptimization, toOptimizationDetail } from '../present-optimization.ts'

const Id = z.object({ id: z.string() })

type Step = (
  optimizer: Optimizer,
  id: string,
  actor: string,
  reason?: string,
) => Promise<OptimizationRecord>

const STEPS: readonly { name: string; summary: string; step: Step }[] = [
  {
    name: 'approve',
    summary: 'Allow a change; it is made as soon as it may be',
    step: (optimizer, ...ask) => optimizer.approve(...ask),
  },
  {
    name: 'apply',
    summary: 'Make an approved change now',
    step: (optimizer, ...ask) => optimizer.apply(...ask),
  },
  {
    name: 'dismiss',
    summary: 'Decide against a change',
    step: (optimizer, ...ask) => optimizer.dismiss(...ask),
  },
  {
    name: 'rollback',
    summary: 'Undo a change',
    step: (optimizer, ...ask) => optimizer.rollBack(...ask),
  },
  {
    name: 'keep',
    summary: 'Keep a change in spite of its verdict',
    step: (optimizer, ...ask) => optimizer.keep(...ask),
  },
]

export const optimizationEndpoints = [
  defineEndpoint({
    name: 'insights.optimizations',
    method: 'GET',
    path: '/insights/optimizations',
    summary: 'Changes that were proposed, made, kept or undone',
    access: 'read',
    query: OptimizationListParams,
    data: z.array(Optimization),
    paginated: true,
    async answer({ query }, { control }) {
      const page = await control.optimizations.list({
        ...(query.status !== undefined && { statuses: readStatuses(query.status) }),
        ...(query.type !== undefined && { type: query.type }),
        ...(query.environment !== undefined && { environment: query.environment }),
        ...(query.service !== undefined && { service: query.service }),
        ...toLimit(query),
      })
      return { data: page.rows.map(toOptimization), total: page.total }
    },
  }),
  defineEndpoint({
    name: 'insights.optimization',
    method: 'GET',
    path: '/insights/optimizations/:id',
    summary: 'One change with its proof, its measured effect and its ledger',
    access: 'read',
    params: Id,
    data: OptimizationDetail,
    async answer({ params, telemetry, nowUnixMs }, context) {
      const record = await context.control.optimizations.get(params.id)
      if (record === undefined) throw new PerfloopError('NOT_FOUND', { optimization: params.id })
      return detailed(record, context, telemetry, nowUnixMs)
    },
  }),
  ...STEPS.map(({ name, summary, step }) =>
    defineEndpoint({
      name: `insights.optimization.${name}`,
      method: 'POST',
      path: `/insights/optimizations/:id/${name}`,
      summary,
      access: 'write',
      params: Id,
      body: OptimizationAction.prefault({}),
      data: OptimizationDetail,
      async answer({ params, body, actor, telemetry, nowUnixMs }, context) {
        const record = await step(context.optimizer, params.id, actor, body.reason)
        return detailed(record, context, telemetry, nowUnixMs)
      },
    }),
  ),
]

async function detailed(
  record: OptimizationRecord,
  { control, optimizer }: ApiContext,
  telemetry: TelemetryStore,
  nowUnixMs: number,
): Promise<{ target: { type: string; id: string }; data: OptimizationDetail }> {
  const allowed = [...optimizer.allowed(record)]
  return {
    target: { type: 'optimization', id: record.id },
    data: await toOptimizationDetail(record, allowed, { control, telemetry }, nowUnixMs),
  }
}

function readStatuses(text: string): readonly OptimizationStatus[] {
  return text.split(',').map(part => {
    const status = OPTIMIZATION_STATUSES.find(known => known === part.trim())
    if (status !== undefined) return status
    throw new PerfloopError('INVALID_REQUEST', {
      problems: [`status: some of ${OPTIMIZATION_STATUSES.join(', ')}, not ${part}`],
    })
  })
}
