// GraphQL over HTTP, with the queries in the path. Prints its port.
import { createServer } from 'node:http'
import { buildSchema, GraphQLError, getOperationAST, graphql, parse } from 'graphql'

/** As of version 3, which names itself and is none of GraphQL's. */
class ApolloError extends Error {
  name = 'AuthenticationError'
  extensions = { code: 'UNAUTHENTICATED' }
}

const schema = buildSchema(
  'type Query { stall: String, fails: String, refuses: String, declines: String, forbids: String, breaks: String }',
)
const rootValue = {
  stall: () => 'fruit',
  fails: () => {
    throw new TypeError('by a resolver')
  },
  refuses: () => {
    throw new GraphQLError('not yours')
  },
  declines: () => {
    throw new ApolloError('sign in')
  },
  forbids: () => {
    throw Object.assign(new Error('forbidden'), { getStatus: () => 403 })
  },
  breaks: () => {
    throw Object.assign(new Error('out of order'), { getStatus: () => 503 })
  },
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost')
  const source = searchParams.get('query') ?? '{ stall }'
  const operationName = searchParams.get('operationName')
  if (pathname === '/exit') setTimeout(() => process.exit(0), 10)
  // A server that executes by means of its own asks only for the operation.
  if (pathname === '/other') getOperationAST(parse(source), operationName)
  else await graphql({ schema, source, rootValue, operationName })
  response.end('done')
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
