import type { Agent } from '../agent.ts'
import { attributeSchema, TEXT } from '../record/attribute-schema.ts'
import { KIND_INTERNAL } from '../record/span-recorder.ts'
import { runJob } from './job-span.ts'
import { wrapMethod } from './wrap-method.ts'

/** No convention has names for it. */
const SCHEMA = attributeSchema(
  '@perfloop/agent/schedules',
  {},
  { 'perfloop.job.schedule': TEXT, 'error.type': TEXT },
)

type Callback = (this: unknown, ...args: unknown[]) => unknown

interface CronJob {
  readonly name?: unknown
  readonly cronTime?: { readonly source?: unknown }
  addCallback(callback: unknown): unknown
}

/** Runs of `cron`, each by its name, or by its schedule where it has none. */
export function instrumentCron(agent: Agent, exports: object): void {
  const { CronJob } = exports as { readonly CronJob?: { readonly prototype: CronJob } }
  if (typeof CronJob?.prototype?.addCallback !== 'function') return
  wrapMethod(
    CronJob.prototype,
    'addCallback',
    addCallback =>
      function (this: CronJob, callback) {
        if (typeof callback !== 'function') return addCallback.call(this, callback)
        const schedule = () => textOf(this.cronTime?.source)
        const name = () => textOf(this.name) ?? schedule()
        return addCallback.call(this, scheduled(agent, callback as Callback, name, schedule))
      },
  )
}

interface NodeCron {
  schedule?(expression: unknown, work: unknown, options?: unknown): unknown
}

/** Runs of `node-cron` 3. */
export function instrumentNodeCron(agent: Agent, exports: object): void {
  if (typeof (exports as NodeCron).schedule !== 'function') return
  wrapMethod(
    exports as Required<NodeCron>,
    'schedule',
    schedule =>
      function (this: unknown, expression, work, options) {
        if (typeof work !== 'function') {
          return schedule.call(this as NodeCron, expression, work, options)
        }
        const source = () => textOf(expression)
        const name = () => textOf((options as { name?: unknown } | undefined)?.name) ?? source()
        const traced = scheduled(agent, work as Callback, name, source)
        return schedule.call(this as NodeCron, expression, traced, options)
      },
  )
}

/** https://github.com/node-cron/node-cron/blob/master/src/tasks/inline-scheduled-task.ts */
interface InlineTask {
  readonly id?: unknown
  readonly name?: unknown
  readonly cronExpression?: unknown
  readonly runner?: { onMatch?: unknown }
  start(): unknown
  execute(): unknown
}

const traced = new WeakSet<object>()

/**
 * Runs of `node-cron` 4: whichever way a task was made, it is of one class, which one of its files exports by one name or
 * another. Tasks that run in a process of their own are not of that class.
 */
export function instrumentNodeCronTasks(agent: Agent, exports: object): void {
  const trace = (task: InlineTask) => {
    const { runner } = task
    if (runner === undefined || traced.has(runner)) return
    traced.add(runner)
    if (typeof runner.onMatch !== 'function') return
    const schedule = () => textOf(task.cronExpression)
    // Without a name of its own its id is its name.
    const name = () => (task.name === task.id ? undefined : textOf(task.name)) ?? schedule()
    runner.onMatch = scheduled(agent, runner.onMatch as Callback, name, schedule)
  }
  for (const exported of Object.values(exports) as ({ readonly prototype?: InlineTask } | null)[]) {
    const prototype = exported?.prototype
    if (typeof prototype?.start !== 'function' || typeof prototype.execute !== 'function') continue
    for (const method of ['start', 'execute'] as const) {
      wrapMethod(
        prototype,
        method,
        original =>
          function (this: InlineTask, ...args: []) {
            try {
              trace(this)
            } catch (error) {
              agent.report('reading a task of node-cron', error)
            }
            return original.apply(this, args)
          },
      )
    }
  }
}

function scheduled(
  agent: Agent,
  work: Callback,
  name: () => string | undefined,
  schedule: () => string | undefined,
): Callback {
  const run: Callback = function (...args) {
    const describe = () => ({
      schema: SCHEMA,
      name: name() ?? 'schedule',
      kind: KIND_INTERNAL,
      parent: undefined,
      write: (recorder: Agent['recorder']) => recorder.text(schedule()),
    })
    return runJob(agent, describe, () => work.apply(this, args))
  }
  Object.defineProperty(run, 'length', { value: work.length, configurable: true })
  Object.defineProperty(run, 'name', { value: work.name, configurable: true })
  return run
}

/** A schedule may be a date, too. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  return value instanceof Date ? value.toISOString() : undefined
}
