// Two routes, each with a function of its own that takes its time, and one that keeps what it allocates. Prints its port.

import express from 'express'

const app = express()
const kept = []

function searchInVain(ms) {
  const until = performance.now() + ms
  let found = 0
  while (performance.now() < until) for (let n = 0; n < 10_000; n++) found += Math.sqrt(n)
  return found
}

async function paint(ms) {
  await new Promise(resolve => setTimeout(resolve, 1))
  return mixColours(ms)
}

function mixColours(ms) {
  const until = performance.now() + ms
  let mixed = 0
  while (performance.now() < until) for (let n = 0; n < 10_000; n++) mixed ^= n * 31
  return mixed
}

function keepLetters() {
  for (let n = 0; n < 2_000; n++) kept.push({ letter: `dear ${Math.random()}`.repeat(20) })
}

app.get('/search/:what', (_request, response) => response.json(searchInVain(15)))
app.get('/paintings/:id', async (_request, response) => response.json(await paint(15)))
app.get('/letters', (_request, response) => {
  keepLetters()
  response.json(kept.length)
})
app.get('/exit', (_request, response) => {
  response.end('now', () => setImmediate(() => process.exit(0)))
})

const server = app.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
