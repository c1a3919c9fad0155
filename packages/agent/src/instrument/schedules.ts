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
  schedule?: Schedule
  createTask?: Schedule
  default?: NodeCron
}

type Schedule = (expression: unknown, work: unknown, options?: unknown) => unknown

/** Runs of `node-cron`. Of its build for `import`, only what is called by the default export is within reach. */
export function instrumentNodeCron(agent: Agent, exports: object): void {
  const trace = (schedule: Schedule): Schedule =>
    function (this: unknown, expression, work, options) {
      if (typeof work !== 'function') return schedule.call(this, expression, work, options)
      const source = () => textOf(expression)
      const name = () => textOf((options as { name?: unknown } | undefined)?.name) ?? source()
      return schedule.call(
        this,
        expression,
        scheduled(agent, work as Callback, name, source),
        options,
      )
    }
  const done = new Set<object>()
  const patch = (owner: NodeCron | undefined) => {
    if (typeof owner !== 'object' || owner === null || done.has(owner)) return
    done.add(owner)
    if (typeof owner.schedule === 'function') wrapMethod(owner, 'schedule', trace)
    if (typeof owner.createTask === 'function') wrapMethod(owner, 'createTask', trace)
  }
  if (Object.isExtensible(exports)) patch(exports as NodeCron)
  patch((exports as NodeCron).default)
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
