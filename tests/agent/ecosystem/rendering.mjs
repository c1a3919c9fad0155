// Templates of every engine and by every way, in an application of Express. Prints its port.
import { fileURLToPath } from 'node:url'
import ejs from 'ejs'
import express from 'express'
import Handlebars from 'handlebars'
import pug from 'pug'
import { createElement, Suspense, use } from 'react'
import { renderToPipeableStream, renderToReadableStream, renderToString } from 'react-dom/server'

const views = fileURLToPath(new URL('views', import.meta.url))
const app = express()
app.set('views', views)

function wait(ms) {
  const until = performance.now() + ms
  while (performance.now() < until);
}
const later = ms => new Promise(resolve => setTimeout(resolve, ms))
const town = { town: 'Delft', wait }

app.get('/express-ejs', (_request, response) => response.render('town.ejs', town))
app.get('/express-pug', (_request, response) => response.render('town.pug', town))
app.get('/express-fails', (_request, response) => response.render('town.ejs', {}))
app.get('/ejs-file', (_request, response, next) => {
  ejs.renderFile(`${views}/town.ejs`, town, (error, text) => {
    if (error) next(error)
    else ask().then(() => response.send(text))
  })
})
app.get('/ejs-promise', async (_request, response) => {
  response.send(await ejs.renderFile(`${views}/town.ejs`, town))
})
app.get('/ejs-text', (_request, response) => response.send(ejs.render('<%= town %>', town)))
const compiledEjs = ejs.compile('<%= town %><% wait(10) %>')
app.get('/ejs-compiled', (_request, response) => response.send(compiledEjs(town)))
app.get('/ejs-client', (_request, response) => {
  const text = ejs.compile('<%= town %>', { client: true }).toString()
  response.send(String(text.startsWith('function anonymous(data)')))
})
app.get('/pug-text', (_request, response) => response.send(pug.render('p= town', town)))
const compiledPug = pug.compile('p= town')
app.get('/pug-compiled', (_request, response) => response.send(compiledPug(town)))

Handlebars.registerPartial('stall', '<p>{{stall}}</p>')
const compiledHandlebars = Handlebars.compile('<h1>{{town}}</h1>{{> stall stall=1}}{{wait 10}}')
Handlebars.registerHelper('wait', ms => wait(ms))
app.get('/handlebars', (_request, response) => response.send(compiledHandlebars(town)))
const own = Handlebars.create()
app.get('/handlebars-own', (_request, response) => response.send(own.compile('{{town}}')(town)))

async function ask() {
  await fetch(`http://127.0.0.1:${server.address().port}/asked`)
}
app.get('/asked', (_request, response) => response.end())

function Town({ name }) {
  wait(10)
  return createElement('h1', null, name)
}
function Stalls({ asked }) {
  use(asked)
  return createElement('p', null, 'stalls')
}
function Page({ asked }) {
  return createElement(
    'main',
    null,
    createElement(Town, { name: 'Delft' }),
    createElement(Suspense, { fallback: '…' }, createElement(Stalls, { asked })),
  )
}
app.get('/react-text', (_request, response) => {
  response.send(renderToString(createElement(Town, { name: 'Delft' })))
})
app.get('/react-pipe', (_request, response) => {
  const { pipe } = renderToPipeableStream(createElement(Page, { asked: later(30) }), {
    onShellReady() {
      pipe(response)
    },
  })
})
app.get('/react-stream', async (_request, response) => {
  const stream = await renderToReadableStream(createElement(Page, { asked: later(30) }))
  await ask()
  response.send(await new Response(stream).text())
})
app.get('/exit', (_request, response) => {
  response.end('now', () => setImmediate(() => process.exit(0)))
})
app.use((error, _request, response, _next) => response.status(500).send(error.name))

// Outside of any request.
ejs.render('<%= town %>', town)

const server = app.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
