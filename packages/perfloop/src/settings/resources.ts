import { z } from 'zod'
import { durationMs, section } from './section.ts'

export const ResourceSettings = section({
  intervalMs: durationMs()
    .default(5_000)
    .describe('How often the host and watched processes are sampled.'),
  processes: z
    .array(
      z.strictObject({
        service: z.string(),
        environment: z.string().default('development'),
        pid: z.int().positive().optional(),
        pidFile: z.string().optional(),
      }),
    )
    .default([])
    .describe('Processes to watch besides Perfloop itself, by id or by pid file.'),
})
