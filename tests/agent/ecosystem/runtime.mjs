// A small server that blocks, leaks and fails when it is told to. Prints its port.

import http from 'node:http'

// As an application that maps its stacks to its sources: nobody else is to call it.
let prepared = 0
Error.prepareStackTrace = error => {
  prepared++
  return `${error.name}: ${error.message}`
}

const kept = []

function sortSlowly(ms) {
  const until = performance.now() + ms
  let sum = 0
  while (performance.now() < until) sum += Math.sqrt(sum + 1)
  return sum
}

const server = http.createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1')
  const ms = Number(searchParams.get('ms') ?? 0)
  if (pathname === '/block') sortSlowly(ms)
  if (pathname === '/late') setTimeout(() => sortSlowly(ms), 1_000)
  if (pathname === '/keep') kept.push(Buffer.alloc(1_000_000, 'x').toString())
  if (pathname === '/collect') globalThis.gc?.()
  if (pathname === '/prepared') return response.end(String(prepared))
  if (pathname === '/wait') {
    setTimeout(() => response.end('waited'), ms)
    return
  }
  if (pathname === '/exit') {
    response.end('now', () => setImmediate(() => process.exit(0)))
    return
  }
  if (pathname === '/throw-later') setTimeout(() => sortFails('outside of any request'), 10)
  if (pathname === '/reject-later') setTimeout(() => Promise.reject(new TypeError('rejected')), 10)
  response.end('done')
})

function sortFails(message) {
  throw new RangeError(message)
}

server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
