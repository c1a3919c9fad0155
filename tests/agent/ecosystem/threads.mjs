// A server that starts another one, in a thread or in a process, asks it and lets it end. Prints its port.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

const self = new URL(import.meta.url)
const isChild = process.argv[2] === 'child'

/** Of a thread or process that is there: how it answers, and how it ends. */
const others = []

async function ask(port, path) {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).text()
}

async function startOther(other) {
  const [port] = await once(other, 'message')
  const exited = once(other, 'exit')
  others.push(async () => {
    await ask(port, '/close')
    if (other.disconnect) other.disconnect()
    return (await exited)[0]
  })
  return ask(port, '/inner')
}

const server = http.createServer(async (request, response) => {
  if (request.url === '/inner') response.end('inner')
  else if (request.url === '/close') {
    response.setHeader('connection', 'close')
    response.end()
    server.close()
  } else if (request.url === '/thread') response.end(await startOther(new Worker(self)))
  else if (request.url === '/process') {
    response.end(await startOther(fork(fileURLToPath(self), ['child'])))
  } else if (request.url === '/end') {
    response.end(String(await Promise.all(others.map(end => end()))))
  } else if (request.url === '/exit') {
    response.end('now', () => setImmediate(() => process.exit(0)))
  } else response.end('outer')
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address()
  if (!isMainThread) parentPort.postMessage(port)
  else if (isChild) process.send(port)
  else console.log(`port ${port}`)
})
if (isChild) process.on('disconnect', () => server.close())
