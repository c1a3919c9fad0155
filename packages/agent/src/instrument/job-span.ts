import { isPromise } from 'node:util/types'
import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import { ActiveSpan, activeSpan, type RemoteParent } from '../record/active-span.ts'
import type { AttributeSchema } from '../record/attribute-schema.ts'
import { describeError } from '../record/error-description.ts'
import type { SpanRecorder } from '../record/span-recorder.ts'
import { followPromise } from './database-statement.ts'

/** Work that no request asked for now: a job of a queue, a run of a schedule. */
export interface Job {
  readonly schema: AttributeSchema
  readonly name: string
  readonly kind: number
  readonly parent: RemoteParent | undefined
  /** Writes the values of the schema, but the last: `error.type`. */
  write(recorder: SpanRecorder): void
}

/** Does the work in a span of its own, which is the parent of all that it does. */
export function runJob<Result>(
  agent: Agent,
  describe: () => Job,
  work: () => Result,
): Result | Promise<unknown> {
  let job: Job
  let span: ActiveSpan
  try {
    job = describe()
    span = new ActiveSpan(job.parent)
    span.place = job.name
  } catch (error) {
    agent.report('beginning a job', error)
    return work()
  }
  let result: Result
  try {
    result = activeSpan.run(span, work)
  } catch (error) {
    record(agent, job, span, error)
    throw error
  }
  if (isPromise(result)) {
    return followPromise(result, error => record(agent, job, span, error))
  }
  record(agent, job, span, undefined)
  return result
}

function record({ recorder, report }: Agent, job: Job, span: ActiveSpan, error: unknown): void {
  const endMs = clockMs()
  if (!span.isRecorded) return
  try {
    const hasFailed = error !== undefined && error !== null
    const { schema, name, kind } = job
    const failure = hasFailed ? describeError(error) : undefined
    if (!recorder.begin(schema, name, kind, hasFailed, span, span.startMs, endMs)) return
    if (failure !== undefined) recorder.exception(failure, endMs)
    job.write(recorder)
    recorder.text(failure?.type)
    recorder.end()
  } catch (problem) {
    report('recording a job', problem)
  }
}
