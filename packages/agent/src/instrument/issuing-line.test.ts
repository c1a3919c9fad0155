import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { knownText, lineOfStack } from './issuing-line.ts'

it('tells statements apart by their text without literals, and remembers no long one', () => {
  const one = knownText("SELECT * FROM fruit WHERE name = 'it''s' AND id IN (1, 2, 3)")
  const two = knownText("SELECT * FROM fruit WHERE name = 'other' AND id IN (17)")
  expect(two.lines).toBe(one.lines)
  expect(knownText('SELECT * FROM fruit WHERE id = $1').lines).not.toBe(one.lines)
  expect(knownText(one.text.text)).toBe(one)
  const long = `SELECT 1 /* ${'x'.repeat(20_000)} */`
  expect(knownText(long)).not.toBe(knownText(long))
  expect([
    one.name.text,
    knownText('  with a AS (SELECT 1)').name.text,
    knownText('(SELECT 1)').name.text,
  ]).toEqual(['SELECT', 'WITH', 'SQL'])
})

it('tells the line of a package that brings its driver along, where none of the application’s own is on the stack', () => {
  const root = mkdtempSync(join(tmpdir(), 'perfloop-packages-'))
  try {
    const install = (name: string, described: object) => {
      mkdirSync(join(root, 'node_modules', name), { recursive: true })
      writeFileSync(join(root, 'node_modules', name, 'package.json'), JSON.stringify(described))
    }
    install('knex', { dependencies: { 'pg-connection-string': '2' } })
    install('framework', { dependencies: { send: '1' }, peerDependencies: { pg: '8' } })
    install('@shop/server', { dependencies: { knex: '3' } })
    const at = (file: string) => `    at async issue (${join(root, file)}:7:1)`
    const inside = [
      at('node_modules/knex/lib/runner.js'),
      at('node_modules/framework/index.js'),
      at('node_modules/@shop/server/stalls.js'),
    ]
    const line = (...frames: string[]) => {
      const { file, isOwn } = lineOfStack(['Error', ...frames].join('\n')) ?? {}
      return [file?.text.slice(root.length + 1), isOwn]
    }
    expect(line(...inside)).toEqual([join('node_modules/@shop/server/stalls.js'), false])
    expect(line(...inside, at('app.js'))).toEqual(['app.js', true])
    expect(line(...inside.slice(0, 2))).toEqual([undefined, undefined])
  } finally {
    rmSync(root, { recursive: true })
  }
})
