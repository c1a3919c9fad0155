import type { Agent } from '../agent.ts'
import { instrumentBullMq } from './bullmq.ts'
import type { PatchedEsModule } from './es-modules.ts'
import type { PatchedModule } from './module-hook.ts'
import { instrumentCron, instrumentNodeCron } from './schedules.ts'

/** What does work that no request waits for. */
export function jobModules(agent: Agent): readonly PatchedModule[] {
  const patched = (name: string, file: string, apply: (agent: Agent, exports: object) => void) => ({
    package: name,
    file,
    patch: (exports: object) => apply(agent, exports),
  })
  return [
    patched('bullmq', 'dist/cjs/index.js', instrumentBullMq),
    patched('cron', 'dist/index.js', instrumentCron),
    patched('node-cron', 'dist/node-cron.cjs', instrumentNodeCron),
    // Version 3.
    patched('node-cron', 'src/node-cron.js', instrumentNodeCron),
  ]
}

export function jobEsModules(agent: Agent): readonly PatchedEsModule[] {
  return [
    {
      package: 'node-cron',
      files: ['dist/node-cron.js'],
      patch: exports => instrumentNodeCron(agent, exports),
    },
  ]
}
