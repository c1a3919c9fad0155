// An application that does what no one should: what it answers must be the same with and without the agent. Prints its
// port; FAULTY_ROUTES says how many routes it has in one framework that looks them up quickly.
import { createRequire } from 'node:module'
import ejs from 'ejs'
import express from 'express'
import fastify from 'fastify'
import Handlebars from 'handlebars'
import { declaredRoutes } from './declared.mjs'

const many = fastify()
for (let n = 0; n < Number(process.env.FAULTY_ROUTES ?? 0); n++) {
  many.get(`/many/${n}/:thing`, async () => n)
}
many.get('/declared', async () => declaredRoutes().length)
await many.listen({ port: 0, host: '127.0.0.1' })

const app = express()
app.set('views', new URL('views', import.meta.url).pathname)

function refuse(name) {
  return {
    configurable: true,
    get: () => {
      throw new Error(`nobody reads ${name}`)
    },
  }
}
app.get('/getters', (request, response) => {
  for (const name of ['originalUrl', 'headers']) {
    Object.defineProperty(request, name, refuse(name))
  }
  response.getHeader = () => {
    throw new Error('nobody reads headers')
  }
  response.end('answered')
})
app.get('/base', (request, _response, next) => {
  Object.defineProperty(request, 'baseUrl', refuse('baseUrl'))
  next()
})
app.get('/base', (_request, response) => response.end('no base'))

const thrown = {
  null: null,
  undefined: undefined,
  symbol: Symbol('thrown'),
  number: 0,
  frozen: Object.freeze({ message: 'frozen' }),
  circular: (() => {
    const error = new Error('circular')
    error.cause = error
    return error
  })(),
  hostile: new Proxy(new Error('hostile'), {
    get() {
      throw new Error('nobody reads it')
    },
    getPrototypeOf() {
      throw new Error('nobody knows what it is')
    },
  }),
  long: new Error('x'.repeat(1_000_000)),
}
app.get('/throws/:what', request => {
  throw thrown[request.params.what]
})
app.get('/rejects/:what', request => Promise.reject(thrown[request.params.what]))

const odd = app.route('/odd-path')
odd.get((_request, response) => response.end('odd'))
Object.defineProperty(odd, 'path', { value: Symbol('odd') })
const hostile = app.route('/hostile-path')
hostile.get((_request, response) => response.end('hostile'))
Object.defineProperty(hostile, 'path', {
  value: {
    toString: () => {
      throw new Error('no text')
    },
  },
})

app.get('/own-end', (_request, response) => {
  const { end } = response
  response.end = function (...args) {
    response.end = end
    return end.call(this, `${args[0]} by its own end`)
  }
  response.on = response.once = response.emit.bind(response)
  response.end('ended')
})
app.get('/own-methods', (_request, response) => {
  response.writeHead = () => response
  response.statusCode = 299
  response.end('methods')
})
app.get('/twice', (_request, response) => {
  response.on('error', () => {})
  response.end('once')
  response.end('twice')
})
app.get('/destroyed', (_request, response) => response.destroy())

const database = new (createRequire(import.meta.url)('libsql'))(':memory:')
app.get('/asking-error', (_request, response) => {
  const error = new Error('never told')
  Object.defineProperty(error, 'message', {
    get: () => `the answer is ${database.prepare('SELECT 42 AS answer').get().answer}`,
  })
  const failing = () => {
    throw error
  }
  try {
    Handlebars.compile('{{failing}}')({ failing })
  } catch {
    response.end('caught')
  }
})

const circular = { name: 'circle' }
circular.self = circular
app.get('/circular-ejs', (_request, response) => {
  response.end(ejs.render('<%= self.self.name %>', circular))
})
app.get('/circular-handlebars', (_request, response) => {
  response.end(Handlebars.compile('{{self.self.name}}')(circular))
})
app.get('/no-view', (_request, response) => response.render('nowhere.ejs'))
app.get('/no-template', (_request, response) => response.end(ejs.render(undefined)))
app.get('/hostile-locals', (_request, response) => {
  response.end(
    ejs.render(
      '<%= a %>',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('no keys')
          },
        },
      ),
    ),
  )
})

// Everyone who uses Express knows that these take four parameters.
app.use((error, _request, response, _next) => {
  let text = 'it cannot be told'
  try {
    text = String(error).slice(0, 100)
  } catch {}
  response.status(500).end(text)
})
app.get('/port', (_request, response) => {
  response.json(many.server.address().port)
})
app.get('/exit', (_request, response) => {
  response.end('now', () => setImmediate(() => process.exit(0)))
})
app.get('/exit-at-once', () => process.exit(3))
app.get('/throw-outside', () =>
  setImmediate(() => {
    throw new Error('outside of everything')
  }),
)

// What is required again and again, what is not there, and what is no module's name.
const require = createRequire(import.meta.url)
for (const name of ['express', './nowhere', 'nowhere', '@', '', 7]) {
  try {
    require(name)
  } catch {}
}

const server = app.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
