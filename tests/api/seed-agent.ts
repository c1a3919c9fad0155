import type { Agents } from '../../packages/perfloop/src/agents/agents.ts'

/** An agent of the seeded telemetry's first service, as it reports itself, with one profile. */
export async function seedAgent(
  agents: Agents,
  pprof: Uint8Array,
): Promise<{ readonly id: string; readonly profileId: string }> {
  const { id } = await agents.report(
    {
      protocol: 1,
      service: 'service-0',
      environment: 'production',
      instance: 'host-1',
      agent_version: '0.1.0',
      runtime: { name: 'nodejs', version: '22.1.0' },
      host: 'host',
      process_id: 1,
      started_at: '2026-03-01T10:00:00.000Z',
      frameworks: [{ name: 'express', version: '5.2.1' }],
      knobs: [
        {
          name: 'pg.pool.max',
          unit: '{connection}',
          description: 'Connections of each pool',
          value: 10,
          own_value: 10,
          minimum: 2,
          maximum: 50,
        },
      ],
    },
    undefined,
  )
  await agents.declare(
    id,
    {
      routes: [
        { method: 'GET', route: '/thing-0', framework: 'express' },
        { method: 'GET', route: '/never', framework: 'express' },
      ],
      models: [{ name: 'Ghost', table: 'ghosts', mapper: 'prisma' }],
      omitted: 0,
    },
    undefined,
  )
  const profileId = await agents.receiveProfile(
    { agent: id, kind: 'cpu', duration_ms: 1_000 },
    pprof,
    undefined,
  )
  return { id, profileId }
}
