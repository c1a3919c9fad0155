import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { afterAll, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { startWithAgent } from './agent-process.ts'
import { startOtlpReceiver } from './otlp-receiver.ts'

const ecosystem = fileURLToPath(new URL('ecosystem', import.meta.url))
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'perfloop-source-maps-')))

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

it('tells the line that was written of a statement in what a bundler has made of it', async () => {
  writeFileSync(
    join(scratch, 'stalls.ts'),
    `import Database from 'libsql'

const database = new Database(':memory:')

export function countStalls(): unknown {
  return database.prepare('SELECT 42 AS stalls').get()
}
`,
  )
  writeFileSync(
    join(scratch, 'main.ts'),
    `import { createServer } from 'node:http'
import { countStalls } from './stalls.ts'

const server = createServer((request, response) => {
  if (request.url === '/exit') setTimeout(() => process.exit(0), 10)
  response.end(JSON.stringify(countStalls()))
})
server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port))
`,
  )
  symlinkSync(join(ecosystem, 'node_modules'), join(scratch, 'node_modules'))
  const bundle = await rolldown({
    input: join(scratch, 'main.ts'),
    platform: 'node',
    external: ['libsql'],
  })
  const built = await bundle.write({ dir: join(scratch, 'dist'), sourcemap: true, minify: true })
  await bundle.close()
  expect(built.output[0].code.split('\n').length).toBeLessThan(4)

  await using receiver = await startOtlpReceiver()
  const program = relative(ecosystem, join(scratch, 'dist/main.js'))
  await using app = await startWithAgent(program, receiver.endpoint)
  await app.get('/')
  const statement = await eventually('the statement', async () =>
    receiver.spans.find(({ attributes }) => attributes['db.query.text'] !== undefined),
  )
  expect(statement.attributes['code.file.path']).toBe(join(scratch, 'stalls.ts'))
  expect(statement.attributes['code.line.number']).toBe(6)
  expect(app.standardError()).not.toContain('perfloop')
})
