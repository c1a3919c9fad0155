import type { Agent } from '../agent.ts'
import type { PatchedEsModule } from './es-modules.ts'
import { instrumentExpress } from './express.ts'
import {
  instrumentFastifyReply,
  instrumentFindMyWay,
  observeFastify,
  readFastifySymbols,
} from './fastify.ts'
import {
  instrumentGraphqlErrors,
  instrumentGraphqlExecution,
  instrumentGraphqlOperations,
} from './graphql.ts'
import { instrumentHapiRequest, instrumentHapiRouter } from './hapi.ts'
import { instrumentHonoRouter } from './hono.ts'
import { instrumentKoa, instrumentKoaContext } from './koa.ts'
import type { PatchedModule } from './module-hook.ts'
import { instrumentNestExceptions, instrumentNestHandlers } from './nest.ts'
import {
  instrumentNextBundle,
  instrumentNextFiles,
  instrumentNextServer,
  instrumentNextTracer,
  NEXT_BUNDLES,
} from './next.ts'
import { instrumentReactServer } from './react-server.ts'
import {
  instrumentEjs,
  instrumentExpressView,
  instrumentHandlebars,
  instrumentPug,
} from './template-engines.ts'
import { instrumentVueServer } from './vue-server.ts'

/** Frameworks and template engines as CommonJS. */
export function frameworkModules(agent: Agent): readonly PatchedModule[] {
  const patched = (name: string, file: string, apply: (agent: Agent, exports: object) => void) => ({
    package: name,
    file,
    patch: (exports: object) => apply(agent, exports),
  })
  const inner = (...given: Parameters<typeof patched>) => ({
    ...patched(...given),
    isInner: true as const,
  })
  return [
    patched('express', 'index.js', instrumentExpress),
    inner('express', 'lib/view.js', instrumentExpressView),
    patched('find-my-way', 'index.js', instrumentFindMyWay),
    inner('fastify', 'lib/symbols.js', readFastifySymbols),
    inner('fastify', 'lib/reply.js', instrumentFastifyReply),
    patched('koa', 'lib/application.js', instrumentKoa),
    inner('koa', 'lib/context.js', instrumentKoaContext),
    inner('@hapi/hapi', 'lib/request.js', instrumentHapiRequest),
    patched('@hapi/call', 'lib/index.js', instrumentHapiRouter),
    inner('next', 'dist/server/lib/trace/tracer.js', instrumentNextTracer),
    inner('next', 'dist/server/next-server.js', instrumentNextServer),
    inner('next', 'dist/compiled/send/index.js', instrumentNextFiles),
    ...NEXT_BUNDLES.map(file => inner('next', file, instrumentNextBundle)),
    // Up to version 11.
    inner('@nestjs/core', 'exceptions/exceptions-handler.js', instrumentNestExceptions),
    inner('@nestjs/core', 'router/router-execution-context.js', instrumentNestHandlers),
    inner('graphql', 'execution/execute.js', instrumentGraphqlExecution),
    inner('graphql', 'utilities/getOperationAST.js', instrumentGraphqlOperations),
    inner('graphql', 'error/locatedError.js', instrumentGraphqlErrors),
    ...HONO_ROUTERS.map(file => inner('hono', `dist/cjs/${file}`, instrumentHonoRouter)),
    patched('ejs', 'lib/cjs/ejs.js', instrumentEjs),
    // Up to version 3.
    inner('ejs', 'lib/ejs.js', instrumentEjs),
    patched('pug', 'lib/index.js', instrumentPug),
    patched('handlebars', 'lib/index.js', instrumentHandlebars),
    patched('@vue/server-renderer', 'dist/server-renderer.cjs.prod.js', instrumentVueServer),
    inner('@vue/server-renderer', 'dist/server-renderer.cjs.js', instrumentVueServer),
    ...['server.js', 'server.node.js', 'static.js', 'static.node.js'].map(file =>
      inner('react-dom', file, instrumentReactServer),
    ),
  ]
}

/** The same ones, and those that come in no other form. */
export function frameworkEsModules(agent: Agent): readonly PatchedEsModule[] {
  const patched = (
    name: string,
    files: readonly string[],
    apply: (agent: Agent, exports: object) => void,
  ) => ({ package: name, files, patch: (exports: object) => apply(agent, exports) })
  return [
    patched(
      'hono',
      HONO_ROUTERS.map(file => `dist/${file}`),
      instrumentHonoRouter,
    ),
    patched('ejs', ['lib/esm/ejs.js'], instrumentEjs),
  ]
}

/** Those that the ready-made applications of Hono have: `hono`, `hono/quick` and `hono/tiny`. */
const HONO_ROUTERS = ['router/smart-router/router.js', 'router/pattern-router/router.js']

/** What tells of itself. */
export function observeFrameworks(agent: Agent): void {
  observeFastify(agent)
}
