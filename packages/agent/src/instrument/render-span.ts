import { basename, isAbsolute, relative } from 'node:path'
import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import { ActiveSpan, activeSpan } from '../record/active-span.ts'
import { type AttributeSchema, attributeSchema, TEXT } from '../record/attribute-schema.ts'
import { describeError } from '../record/error-description.ts'
import { KIND_INTERNAL } from '../record/span-recorder.ts'
import { followPromise, isPromise } from './database-statement.ts'

/**
 * A template being rendered. What it includes is rendered within it and is not told again; a statement issued while it
 * is rendered is its child.
 */
export class RenderSpan extends ActiveSpan {
  readonly outer: ActiveSpan

  constructor(outer: ActiveSpan) {
    super(outer)
    this.outer = outer
    this.place = outer.place
  }
}

/** The request, where nothing but a template is between it and the work at hand. */
export function requestAtHand(): ActiveSpan | undefined {
  const active = activeSpan.getStore()
  const span = active instanceof RenderSpan ? active.outer : active
  return span?.method === undefined ? undefined : span
}

/** OpenTelemetry has no name for it yet; the server takes a span with this attribute for render time. */
export function renderSchema(engine: string): AttributeSchema {
  return attributeSchema(`@perfloop/agent/${engine}`, {}, { 'template.name': TEXT })
}

/** Undefined outside of requests, and within another template. */
export function beginRender(): RenderSpan | undefined {
  const outer = activeSpan.getStore()
  if (outer?.isFollowed !== true || outer instanceof RenderSpan) return undefined
  return new RenderSpan(outer)
}

export function endRender(
  agent: Agent,
  schema: AttributeSchema,
  span: RenderSpan,
  template: string,
  error: unknown,
): void {
  const endMs = clockMs()
  try {
    const hasFailed = error !== undefined && error !== null
    const { recorder } = agent
    const name = `render ${template}`
    const failure = hasFailed && span.isRecorded ? describeError(error) : undefined
    if (!recorder.begin(schema, name, KIND_INTERNAL, hasFailed, span, span.startMs, endMs)) return
    if (failure !== undefined) recorder.exception(failure, endMs)
    recorder.text(template)
    recorder.end()
  } catch (problem) {
    agent.report('recording a template', problem)
  }
}

/** Of a template that is rendered at once, or by a promise. */
export function traceRender<Result>(
  agent: Agent,
  schema: AttributeSchema,
  template: string,
  render: () => Result,
): Result {
  const span = beginRender()
  if (span === undefined) return render()
  let result: Result
  try {
    result = activeSpan.run(span, render)
  } catch (error) {
    endRender(agent, schema, span, template, error)
    throw error
  }
  if (!isPromise(result)) {
    endRender(agent, schema, span, template, undefined)
    return result
  }
  return followPromise(result, error => endRender(agent, schema, span, template, error)) as Result
}

type Callback = (this: unknown, error: unknown, ...rest: unknown[]) => unknown

/** Of one that calls back, which is where whoever asked for it goes on. */
export function traceRenderWithCallback<Result>(
  agent: Agent,
  schema: AttributeSchema,
  template: string,
  callback: Callback,
  render: (callback: Callback) => Result,
): Result {
  const span = beginRender()
  if (span === undefined) return render(callback)
  let isOver = false
  const ended: Callback = function (...args) {
    if (!isOver) endRender(agent, schema, span, template, args[0])
    isOver = true
    return activeSpan.run(span.outer, () => callback.apply(this, args))
  }
  return activeSpan.run(span, render, ended)
}

type Template = (this: unknown, ...args: unknown[]) => unknown

/** A compiled template, which looks as it did. */
export function tracedTemplate<Compiled>(
  agent: Agent,
  schema: AttributeSchema,
  name: string,
  compiled: Compiled,
): Compiled {
  if (typeof compiled !== 'function') return compiled
  try {
    const template = compiled as unknown as Template
    const traced: Template = function (...args) {
      return traceRender(agent, schema, name, () => template.apply(this, args))
    }
    Object.defineProperties(traced, Object.getOwnPropertyDescriptors(template))
    return traced as Compiled
  } catch (error) {
    agent.report('instrumenting a template', error)
    return compiled
  }
}

/** As its author knows it: below the folder of the application. */
export function templateName(file: unknown, otherwise: string): string {
  if (typeof file !== 'string' || file === '') return otherwise
  if (!isAbsolute(file)) return file
  try {
    const path = relative(process.cwd(), file)
    return path.startsWith('..') || isAbsolute(path) ? basename(file) : path.replaceAll('\\', '/')
  } catch {
    // The folder that the process is in may have been removed.
    return basename(file)
  }
}
