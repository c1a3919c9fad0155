// Hapi with a plugin below a prefix. Prints its port.
import Hapi from '@hapi/hapi'
import { declaredRoutes } from './declared.mjs'

const server = Hapi.server({ port: 0, host: '127.0.0.1', debug: false })

await server.register(
  {
    name: 'towns',
    register: towns => {
      towns.route({ method: 'GET', path: '/{town}', handler: ({ params }) => params })
      towns.route({
        method: ['GET', 'POST'],
        path: '/{town}/stalls/{stall*2}',
        handler: (request, h) => h.response(request.params).code(201),
      })
    },
  },
  { routes: { prefix: '/towns' } },
)
server.auth.scheme('none', () => ({
  authenticate: (_request, h) => h.response('no').code(401).takeover(),
}))
server.auth.strategy('none', 'none')
server.route([
  {
    method: 'GET',
    path: '/throws',
    handler: () => {
      throw new TypeError('by a handler')
    },
  },
  { method: 'GET', path: '/guarded/{thing}', options: { auth: 'none' }, handler: () => 'never' },
  { method: '*', path: '/anything', handler: () => 'any' },
  { method: 'GET', path: '/declared', handler: () => declaredRoutes() },
  {
    method: 'GET',
    path: '/exit',
    handler: () => {
      setTimeout(() => process.exit(0), 10)
      return 'now'
    },
  },
])

await server.start()
console.log(`port ${server.info.port}`)
