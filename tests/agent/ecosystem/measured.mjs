import express from 'express'

const app = express()
function parse(n) {
  let s = 0
  for (let i = 0; i < 300; i++) s += JSON.stringify({ a: [1, 2, n], b: { i } }).length
  return s
}
app.get('/work/:id', (request, response) => response.json(parse(Number(request.params.id))))
const server = app.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
