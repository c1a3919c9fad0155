import type { Agent } from '../agent.ts'
import { activeSpan } from '../record/active-span.ts'
import { beginRender, endRender, renderSchema, traceRender } from './render-span.ts'
import { wrapMethod } from './wrap-method.ts'

const REACT = renderSchema('react')

type Render = (this: unknown, element: unknown, options?: unknown, ...rest: unknown[]) => unknown

interface ReactServer {
  renderToString: Render
  renderToStaticMarkup: Render
  renderToPipeableStream: Render
  renderToReadableStream: Render
  prerender: Render
  prerenderToNodeStream: Render
}

const seen = new WeakSet<object>()

/** Rendering on the server by `react-dom/server` and `react-dom/static`: until everything is there, not only its shell. */
export function instrumentReactServer(agent: Agent, exports: object): void {
  if (seen.has(exports)) return
  seen.add(exports)
  const react = exports as ReactServer
  const whole = [
    'renderToString',
    'renderToStaticMarkup',
    'prerender',
    'prerenderToNodeStream',
  ] as const
  for (const name of whole) {
    if (typeof react[name] !== 'function') continue
    wrapMethod(
      react,
      name,
      render =>
        function (...args) {
          return traceRender(agent, REACT, componentName(args[0]), () => render.apply(this, args))
        },
    )
  }
  if (typeof react.renderToPipeableStream === 'function') tracePipeableStream(agent, react)
  if (typeof react.renderToReadableStream === 'function') traceReadableStream(agent, react)
}

type Callback = (this: unknown, ...args: unknown[]) => unknown

function tracePipeableStream(agent: Agent, react: ReactServer): void {
  wrapMethod(
    react,
    'renderToPipeableStream',
    render =>
      function (element, options, ...rest) {
        const span = beginRender()
        if (span === undefined) return render.call(this, element, options, ...rest)
        const name = componentName(element)
        let isOver = false
        const end = (error: unknown) => {
          if (!isOver) endRender(agent, REACT, span, name, error)
          isOver = true
        }
        const given = (options ?? {}) as Record<string, unknown>
        // What React calls back is the application going on with its request.
        const outside = (callback: unknown, before: (args: unknown[]) => void): Callback =>
          function (...args) {
            before(args)
            if (typeof callback !== 'function') return undefined
            return activeSpan.run(span.outer, () => callback.apply(this, args))
          }
        const nothing = () => {}
        const observed = Object.create(given, {
          onAllReady: { value: outside(given.onAllReady, () => end(undefined)) },
          onShellError: { value: outside(given.onShellError, ([error]) => end(error)) },
          ...(given.onShellReady === undefined
            ? {}
            : { onShellReady: { value: outside(given.onShellReady, nothing) } }),
          ...(given.onError === undefined
            ? {}
            : { onError: { value: outside(given.onError, nothing) } }),
        }) as unknown
        try {
          return activeSpan.run(span, () => render.call(this, element, observed, ...rest))
        } catch (error) {
          end(error)
          throw error
        }
      },
  )
}

function traceReadableStream(agent: Agent, react: ReactServer): void {
  wrapMethod(
    react,
    'renderToReadableStream',
    render =>
      function (...args) {
        const span = beginRender()
        if (span === undefined) return render.apply(this, args)
        const end = (error: unknown) => endRender(agent, REACT, span, componentName(args[0]), error)
        const made = activeSpan.run(span, () => render.apply(this, args)) as Promise<{
          readonly allReady: Promise<unknown>
        }>
        return made.then(
          stream => {
            // React itself takes care of this promise when nobody else does.
            stream.allReady.then(() => end(undefined), end)
            return stream
          },
          (error: unknown) => {
            end(error)
            throw error
          },
        )
      },
  )
}

/** Of `<Page …/>`: what its function is called. */
function componentName(element: unknown): string {
  try {
    const { type } = element as { type?: unknown }
    if (typeof type === 'string') return type
    const { displayName, name } = type as { displayName?: unknown; name?: unknown }
    const known = typeof displayName === 'string' && displayName !== '' ? displayName : name
    if (typeof known === 'string' && known !== '') return known
  } catch {
    // An element may be anything that React renders.
  }
  return 'react'
}
