// SQLite by each of its drivers, as their users write it. Prints its port. `/fruits?driver=libsql` answers what a
// request read; a route issues as many statements as it says.

import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const besides = createRequire(new URL('../nodes/package.json', import.meta.url))
const has = major => Number(process.versions.node.split('.')[0]) >= major

const open = {
  libsql: () => new (require('libsql'))(':memory:'),
  'better-sqlite3': () => new (besides('better-sqlite3'))(':memory:'),
  'node:sqlite': async () => new (await import('node:sqlite')).DatabaseSync(':memory:'),
}

const databases = {}
for (const [driver, opened] of Object.entries(open)) {
  if (driver !== 'libsql' && !has(22)) continue
  const database = await opened()
  database.exec('CREATE TABLE fruit (id INTEGER PRIMARY KEY, name TEXT UNIQUE)')
  databases[driver] = {
    database,
    // libsql takes an object for parameters with names.
    binary: driver === 'libsql' ? [Buffer.alloc(1_000)] : Buffer.alloc(1_000),
    // Prepared before the agent could see the driver's own classes.
    insert: database.prepare('INSERT INTO fruit (name) VALUES (?)'),
    all: database.prepare('SELECT id, name FROM fruit ORDER BY id LIMIT 3'),
  }
}

let fruits = 0

const routes = {
  '/fruits': ({ database, insert, all }) => {
    insert.run(`apple ${fruits++}`)
    insert.run(`pear ${fruits++}`)
    const one = database.prepare('SELECT name FROM fruit WHERE id = ?').get(1)
    const none = database.prepare('SELECT name FROM fruit WHERE id = ?').get(-1)
    const some = all.all()
    let iterated = 0
    for (const row of database.prepare('SELECT id FROM fruit LIMIT 2').iterate()) iterated += row.id
    for (const _row of database.prepare('SELECT id FROM fruit LIMIT 5').iterate()) break
    return { one: one.name, none: none ?? null, some: some.length, iterated }
  },
  '/transaction': ({ database, insert }) => {
    const both = () => {
      insert.run(`fig ${fruits++}`)
      insert.run(`date ${fruits++}`)
    }
    if (database.transaction !== undefined) {
      database.transaction(both)()
      return 'done'
    }
    database.exec('BEGIN')
    both()
    database.exec('COMMIT')
    return 'done'
  },
  '/wrong': ({ database, insert }) => {
    const failures = []
    const name = `plum ${fruits++}`
    insert.run(name)
    for (const attempt of [
      () => insert.run(name),
      () => database.exec('SELECT missing'),
      () => database.prepare('SELECT nowhere'),
    ]) {
      try {
        attempt()
      } catch (error) {
        failures.push(error.message)
      }
    }
    return failures
  },
  '/large': ({ database, binary }) =>
    database.prepare(`SELECT 1 AS one /* ${'x'.repeat(10_000_000)} */`).get().one +
    database.prepare('SELECT length(?) AS length').get(binary).length,
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1')
  if (pathname === '/exit') {
    response.end('now', () => setImmediate(() => process.exit(0)))
    return
  }
  const answer = routes[pathname](databases[searchParams.get('driver')])
  response.end(JSON.stringify(answer))
})
server.listen(0, '127.0.0.1', () => {
  // Builtin modules are seen a moment after they were loaded.
  setTimeout(() => console.log(`port ${server.address().port}`), 200)
})
