import { z } from 'zod'
import { Health, Target } from '../../api/contract/config.ts'
import { Issue, Optimization } from '../../api/contract/insights.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'

/** What the demo asks of Perfloop, through the same API as everybody. */
export interface DemoApi {
  /** Instead of the one that an earlier demo in the same folder has left: its database was on another port. */
  setTarget(name: string, services: readonly string[], url: string): Promise<void>
  issues(): Promise<readonly Issue[]>
  optimizations(): Promise<readonly Optimization[]>
  /** Two steps, as on the page: to allow a change, and to make it. */
  step(id: string, name: 'approve' | 'apply'): Promise<void>
  health(): Promise<Health>
}

const Envelope = z.object({
  data: z.unknown(),
  error: z.object({ message: z.string() }).optional(),
})

/** Long, because the answer to `apply` waits for the index to be built. */
const ANSWER_MS = 60_000
const ALL = 'per_page=200'

export function createDemoApi(serverUrl: string, adminToken: string): DemoApi {
  async function ask<Data extends z.ZodType>(
    data: Data,
    path: string,
    init: { readonly method?: string; readonly body?: unknown } = {},
  ): Promise<z.output<Data>> {
    const response = await fetch(`${serverUrl}/api/v1${path}`, {
      method: init.method ?? 'GET',
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(ANSWER_MS),
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    })
    const answer = Envelope.safeParse(await response.json())
    if (response.ok && answer.success) return data.parse(answer.data.data)
    throw new PerfloopError('DEMO_PART_FAILED', {
      part: 'perfloop',
      path,
      status: response.status,
      last: answer.data?.error?.message,
    })
  }

  return {
    async setTarget(name, services, url) {
      const targets = await ask(z.array(Target), '/config/targets')
      for (const { id } of targets.filter(target => target.name === name)) {
        await ask(z.unknown(), `/config/targets/${id}?force=true`, { method: 'DELETE' })
      }
      const body = { kind: 'postgres', name, services, options: { url } }
      await ask(z.unknown(), '/config/targets', { method: 'POST', body })
    },
    issues: () => ask(z.array(Issue), `/insights/issues?${ALL}`),
    optimizations: () => ask(z.array(Optimization), `/insights/optimizations?${ALL}`),
    async step(id, name) {
      const body = { reason: 'perfloop demo --approve' }
      await ask(z.unknown(), `/insights/optimizations/${id}/${name}`, { method: 'POST', body })
    },
    health: () => ask(Health, '/health'),
  }
}
