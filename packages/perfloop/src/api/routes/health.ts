import { Health } from '../contract/config.ts'
import { defineEndpoint } from '../endpoint.ts'

export const healthEndpoints = [
  defineEndpoint({
    name: 'health',
    method: 'GET',
    path: '/health',
    summary: 'Perfloop itself: every component with what is wrong with it',
    access: 'read',
    data: Health,
    async answer(_call, context) {
      const health = await context.health()
      return { data: health, healthScore: healthScore(health) }
    },
  }),
]

/** 100 when all is well; a degraded component costs its share of half, an unhealthy one all of its share. */
export function healthScore({ components }: Health): number {
  if (components.length === 0) return 100
  const points = { healthy: 1, degraded: 0.5, unhealthy: 0 }
  const sum = components.reduce((total, { status }) => total + points[status], 0)
  return Math.round((100 * sum) / components.length)
}
