import type { Agent } from '../agent.ts'
import { instrumentBullMq } from './bullmq.ts'
import type { PatchedEsModule } from './es-modules.ts'
import type { PatchedModule } from './module-hook.ts'
import { instrumentCron, instrumentNodeCron, instrumentNodeCronTasks } from './schedules.ts'

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
    // Version 3.
    patched('node-cron', 'src/node-cron.js', instrumentNodeCron),
    ...NODE_CRON_TASKS.map(file => ({
      ...patched('node-cron', file.replace('/esm/', '/cjs/'), instrumentNodeCronTasks),
      isInner: true as const,
    })),
  ]
}

export function jobEsModules(agent: Agent): readonly PatchedEsModule[] {
  return [
    {
      package: 'node-cron',
      files: NODE_CRON_TASKS,
      patch: exports => instrumentNodeCronTasks(agent, exports),
    },
  ]
}

/** From version 4.3 on, and before. */
const NODE_CRON_TASKS = ['dist/_shared.js', 'dist/esm/tasks/inline-scheduled-task.js']
