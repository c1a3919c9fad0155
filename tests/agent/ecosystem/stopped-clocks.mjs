// Its clocks stand still and its timers are listed and never run, as in tests with fake timers.
import http from 'node:http'
import timers from 'node:timers'

const listed = []
const list = name => () => {
  listed.push(name)
  return { ref() {}, unref() {} }
}
const stopped = new Date(2001, 0, 1)
globalThis.Date = class extends Date {
  constructor(...args) {
    super(...(args.length === 0 ? [stopped] : args))
  }
  static now = () => stopped.getTime()
}
globalThis.performance = { now: () => 0, timeOrigin: 0 }
process.hrtime = () => [0, 0]
for (const name of ['setTimeout', 'setInterval', 'setImmediate']) {
  timers[name] = list(name)
  globalThis[name] = timers[name]
}

const server = http.createServer((request, response) => {
  if (request.url === '/exit') response.end('', () => process.exit(0))
  else response.end(JSON.stringify(listed))
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
