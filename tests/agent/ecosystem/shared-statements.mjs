// What an application gets that prepares statements again and again by better-sqlite3: with KNOB, after it was turned so
// high. Prints one line of JSON, with how often a statement that is asked again and again was really prepared apart.
import { createRequire } from 'node:module'

const Database = createRequire(new URL('../nodes/package.json', import.meta.url))('better-sqlite3')
const source = new URL('../../../packages/agent/src/', import.meta.url)
const { Knobs } = await import(new URL('control/knobs.ts', source))
const { offerSqliteStatementCache } = await import(new URL('knobs/sqlite-statements.ts', source))

const name = 'better_sqlite3.statement_cache.max'
const knobs = new Knobs(
  { knobs: new Map([[name, { minimum: 0, maximum: 100 }]]), ownKnobs: [] },
  (where, error) => {
    throw new Error(where, { cause: error })
  },
)
let prepared = 0
const { prepare } = Database.prototype
Database.prototype.prepare = function (text) {
  prepared++
  return prepare.call(this, text)
}
offerSqliteStatementCache({ knobs }, Database)
const own = knobs.reports()[0].value
const database = new Database(':memory:')
database.exec('CREATE TABLE ware (id INTEGER PRIMARY KEY, name TEXT, price INT)')
const add = () => database.prepare('INSERT INTO ware (name, price) VALUES (?, ?)')
const one = () => database.prepare('SELECT * FROM ware WHERE id = ?')
const all = () => database.prepare('SELECT * FROM ware ORDER BY id')
const turn = value => knobs.turn(value === undefined ? [] : [{ name, value }])
if (process.env.KNOB) turn(Number(process.env.KNOB))

const seen = [add().run('apple', 1), add().run('pear', 9_007_199_254_740_991)]
seen.push(one().get(1), one().get(2), one().get(3) ?? null, all().all().length)
seen.push(all().raw().all(), all().pluck().get(), all().all().length, one().bind(2).get())
seen.push(String(one().safeIntegers().get(2).price), typeof one().get(2).price)
seen.push(
  all()
    .columns()
    .map(({ name }) => name),
  all().reader,
  all().source,
  all().busy,
)
const [first, second] = [one(), one()]
seen.push(first === second, first instanceof Object.getPrototypeOf(add()).constructor)
const rows = all().iterate()
seen.push(rows.next().value, all().all().length, [...rows].length)
// A function that asks what is being asked.
let depth = 0
database.function('nested', () => (depth++ < 3 ? nested().get().n : 0))
const nested = () => database.prepare('SELECT nested() + 1 AS n')
for (const attempt of [
  () => nested().get(),
  () => database.prepare('SELECT nothing FROM ware'),
  () => add().run('apple'),
  () => one().get(1, 2),
]) {
  try {
    attempt()
  } catch (error) {
    seen.push(error.message)
  }
}
database.exec("ALTER TABLE ware ADD COLUMN shelf TEXT DEFAULT 'left'")
seen.push(one().get(1))
database.defaultSafeIntegers(true)
seen.push(typeof one().get(1).price)
database.defaultSafeIntegers(false)
seen.push(typeof one().get(1).price)
database.prepare('DROP TABLE ware').run()
try {
  one()
} catch (error) {
  seen.push(error.message)
}

database.exec('CREATE TABLE ware (id INTEGER PRIMARY KEY, name TEXT, price INT)')
for (let n = 0; n < 100; n++) add().run(`ware ${n}`, n)
const preparedFor100 = () => {
  const before = prepared
  for (let n = 0; n < 100; n++) {
    if (one().get(n + 1).price !== n) throw new Error('another row')
  }
  return prepared - before
}
const turned = { value: knobs.reports()[0].value, prepared: preparedFor100() }
turn(undefined)
const back = { value: knobs.reports()[0].value, prepared: preparedFor100() }
database.close()
console.log(JSON.stringify({ seen, own, turned, back }))
