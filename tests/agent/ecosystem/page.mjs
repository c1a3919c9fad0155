// A shop window: a page with a script, a single-page navigation, calls by fetch and XMLHttpRequest. Environment: PAGE_PORT,
// PAGE_ENDPOINT (of OTLP, for the page), PAGE_SCRIPTS (the folder with browser.js and browser.iife.js).
import { readFileSync } from 'node:fs'
import express from 'express'

const scripts = process.env.PAGE_SCRIPTS
const app = express()
app.disable('x-powered-by')
app.use((_request, response, next) => {
  response.set('content-security-policy', "default-src 'self'; connect-src *")
  next()
})
app.get('/agent-dist/:file', (request, response) => {
  response.type('js').send(readFileSync(`${scripts}/${request.params.file}`))
})
app.get('/favicon.ico', (_request, response) => response.status(204).end())
app.get('/page.js', (_request, response) => {
  response.type('js').send(`
    import { startBrowserAgent } from '/agent-dist/browser.js'
    startBrowserAgent({ endpoint: ${JSON.stringify(process.env.PAGE_ENDPOINT)}, serviceName: 'window' })
    document.body.append(await (await fetch('/api/items?secret=1')).text())
    const until = performance.now() + 120
    while (performance.now() < until);
    document.querySelector('button').onclick = async () => {
      history.pushState({}, '', '/items/42')
      const request = new XMLHttpRequest()
      request.open('GET', '/api/items/42')
      request.onload = () => { document.querySelector('p').textContent = request.responseText }
      request.send()
      await fetch('/api/missing').catch(() => {})
    }`)
})
const html = tag =>
  `<!doctype html><meta charset="utf-8"><title>window</title><h1>Window</h1><p></p><button>one</button>${tag}`
app.get('/shop', (_request, response) => {
  response.send(html('<script type="module" src="/page.js"></script>'))
})
app.get('/tagged', (_request, response) => {
  response.send(
    html(
      `<script src="/agent-dist/browser.iife.js" data-endpoint="${process.env.PAGE_ENDPOINT}" data-service="tagged"></script>`,
    ),
  )
})
app.get('/api/items', (_request, response) => setTimeout(() => response.json(['a']), 20))
app.get('/api/items/:id', (request, response) => response.json(request.params.id))
app.get('/exit', (_request, response) => response.end('', () => process.exit(0)))

const server = app.listen(Number(process.env.PAGE_PORT ?? 0), '127.0.0.1', () =>
  console.log(`port ${server.address().port}`),
)
