// Uses none of the packages beside it. `/` answers of which packages something was loaded.
import http from 'node:http'
import { Session } from 'node:inspector'

const server = http.createServer((request, response) => {
  if (request.url === '/exit') return response.end('', () => process.exit(0))
  const packages = new Set()
  const session = new Session()
  session.connect()
  session.on('Debugger.scriptParsed', ({ params }) => {
    const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(params.url) ?? []
    if (name !== undefined) packages.add(name)
  })
  session.post('Debugger.enable', () => {
    session.disconnect()
    response.end(JSON.stringify([...packages].toSorted()))
  })
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
