// A server that starts another one, in a thread or in a process, asks it and lets it end. Prints its port.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

const self = new URL(import.meta.url)
const isChild = process.argv[2] === 'child'

async function ask(port) {
  return (await fetch(`http://127.0.0.1:${port}/inner`)).text()
}

const server = http.createServer(async (request, response) => {
  if (request.url === '/inner') {
    response.setHeader('connection', 'close')
    response.end('inner')
    server.close()
  } else if (request.url === '/thread') {
    const worker = new Worker(self)
    const [port] = await once(worker, 'message')
    const exited = once(worker, 'exit')
    const text = await ask(port)
    const [code] = await exited
    response.end(`${text} ${code}`)
  } else if (request.url === '/process') {
    const child = fork(fileURLToPath(self), ['child'])
    const [port] = await once(child, 'message')
    const exited = once(child, 'exit')
    const text = await ask(port)
    child.disconnect()
    const [code] = await exited
    response.end(`${text} ${code}`)
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
