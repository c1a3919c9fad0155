import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { ApiContext } from '../api-context.ts'
import { chooseEncoding, type StaticFile, StaticFiles } from '../static-files.ts'

const NOT_BUILT = `<!doctype html><title>Perfloop</title><p>Perfloop runs. The dashboard is not built: run <code>npm run build</code>.
The API is described at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.`

/** The dashboard's built files; every other address that a browser opens is a page of it (client routes). */
export function registerDashboard(app: FastifyInstance, { dashboardDirectory }: ApiContext): void {
  const files = new StaticFiles(dashboardDirectory ?? '')
  app.route({
    method: 'GET',
    url: '/*',
    config: { operation: 'dashboard', access: 'public' },
    async handler(request, reply) {
      const path = pathOf(request)
      const file = files.find(path === '' ? 'index.html' : path)
      if (file !== undefined) return sendFile(await file, request, reply)
      if (!isPage(path, request)) throw new PerfloopError('NOT_FOUND', { path: `/${path}` })
      const index = files.find('index.html')
      if (index !== undefined) return sendFile(await index, request, reply)
      return reply.type('text/html; charset=utf-8').send(NOT_BUILT)
    },
  })
}

/** A navigation, not a missing script or a mistyped API address. */
function isPage(path: string, request: FastifyRequest): boolean {
  const isOurs = /^(?:api|agent|metrics)(?:\/|$)/.test(path)
  const wantsPage = (request.headers.accept ?? '').includes('text/html') || path === ''
  return !isOurs && wantsPage && !path.startsWith('assets/')
}

function pathOf(request: FastifyRequest): string {
  const [path = '/'] = request.url.split('?', 1)
  try {
    return decodeURIComponent(path).slice(1)
  } catch {
    return path.slice(1)
  }
}

async function sendFile(
  file: StaticFile,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.headers({ etag: file.etag, 'cache-control': file.cacheControl, vary: 'accept-encoding' })
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send()
  const accepted = request.headers['accept-encoding']
  const encoding = chooseEncoding(Array.isArray(accepted) ? accepted.join() : accepted, file.type)
  if (encoding !== 'identity') reply.header('content-encoding', encoding)
  return reply.type(file.type).send(await file.body(encoding))
}
