import type { Agent } from '../agent.ts'
import type { AttributeSchema } from '../record/attribute-schema.ts'
import {
  renderSchema,
  templateName,
  tracedTemplate,
  traceRender,
  traceRenderWithCallback,
} from './render-span.ts'
import { wrapMethod } from './wrap-method.ts'

const EJS = renderSchema('ejs')
const PUG = renderSchema('pug')
const HANDLEBARS = renderSchema('handlebars')
/** Whatever engine Express is told to use. */
const EXPRESS_VIEW = renderSchema('express-view')

interface Options {
  readonly filename?: unknown
  readonly client?: unknown
}

type Method = (this: unknown, ...args: unknown[]) => unknown

interface Engine {
  compile: Method
  render: Method
  renderFile: Method
  compileFile?: Method
}

const seen = new WeakSet<object>()

/** As CommonJS, where the engine is what is exported, and as an ES module, where it is the default. */
export function instrumentEjs(agent: Agent, exports: object): void {
  const { default: inner } = exports as { default?: object }
  const engine = (inner ?? exports) as Engine
  if (seen.has(engine)) return
  seen.add(engine)
  traceRenderFile(agent, EJS, engine)
  traceRenderText(agent, EJS, engine, 2, 'ejs')
  wrapMethod(
    engine,
    'compile',
    compile =>
      function (...args) {
        const options = args[1] as Options | null | undefined
        const compiled = compile.apply(this, args)
        // Made to be sent to a browser as text.
        if (options?.client) return compiled
        return tracedTemplate(agent, EJS, templateName(options?.filename, 'ejs'), compiled)
      },
  )
}

export function instrumentPug(agent: Agent, exports: object): void {
  const engine = exports as Required<Engine>
  traceRenderFile(agent, PUG, engine)
  traceRenderText(agent, PUG, engine, 1, 'pug')
  wrapMethod(
    engine,
    'compile',
    compile =>
      function (...args) {
        const name = templateName((args[1] as Options | undefined)?.filename, 'pug')
        return tracedTemplate(agent, PUG, name, compile.apply(this, args))
      },
  )
}

/** `renderFile(path, …, callback)`, or without a callback. */
function traceRenderFile(agent: Agent, schema: AttributeSchema, engine: Engine): void {
  wrapMethod(
    engine,
    'renderFile',
    renderFile =>
      function (...args) {
        const name = templateName(args[0], 'file')
        const callback = args.at(-1)
        if (typeof callback !== 'function') {
          return traceRender(agent, schema, name, () => renderFile.apply(this, args))
        }
        const begun = args.slice(0, -1)
        return traceRenderWithCallback(agent, schema, name, callback as Method, inner =>
          renderFile.apply(this, [...begun, inner]),
        )
      },
  )
}

function traceRenderText(
  agent: Agent,
  schema: AttributeSchema,
  engine: Engine,
  optionsAt: number,
  otherwise: string,
): void {
  wrapMethod(
    engine,
    'render',
    render =>
      function (...args) {
        const name = templateName(
          (args[optionsAt] as Options | null | undefined)?.filename,
          otherwise,
        )
        const callback = args.at(-1)
        if (typeof callback !== 'function' || args.length < 2) {
          return traceRender(agent, schema, name, () => render.apply(this, args))
        }
        const begun = args.slice(0, -1)
        return traceRenderWithCallback(agent, schema, name, callback as Method, inner =>
          render.apply(this, [...begun, inner]),
        )
      },
  )
}

interface Handlebars {
  compile: Method
  template: Method
  /** Of the one that is exported. */
  create?: Method
}

/** Each environment of Handlebars has methods of its own. Partials and helpers are rendered within their template. */
export function instrumentHandlebars(agent: Agent, exports: object): void {
  const handlebars = exports as Handlebars
  if (seen.has(handlebars)) return
  seen.add(handlebars)
  for (const name of ['compile', 'template'] as const) {
    wrapMethod(
      handlebars,
      name,
      method =>
        function (...args) {
          return tracedTemplate(agent, HANDLEBARS, 'handlebars', method.apply(this, args))
        },
    )
  }
  if (typeof handlebars.create !== 'function') return
  wrapMethod(
    handlebars as Required<Handlebars>,
    'create',
    create =>
      function (...args) {
        const made = create.apply(this, args)
        try {
          instrumentHandlebars(agent, made as object)
        } catch (error) {
          agent.report('instrumenting Handlebars', error)
        }
        return made
      },
  )
}

interface View {
  readonly name?: unknown
  render(options: unknown, callback: (error: unknown, text?: unknown) => unknown): unknown
}

/** `lib/view.js`: `response.render`, with every engine. */
export function instrumentExpressView(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: View }
  wrapMethod(
    prototype,
    'render',
    render =>
      function (this: View, options, callback) {
        const name = templateName(this.name, 'view')
        if (typeof callback !== 'function') return render.call(this, options, callback)
        return traceRenderWithCallback(agent, EXPRESS_VIEW, name, callback, inner =>
          render.call(this, options, inner),
        )
      },
  )
}
