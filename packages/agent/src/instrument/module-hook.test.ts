import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { hookModules } from './module-hook.ts'

const scratch = mkdtempSync(join(tmpdir(), 'perfloop-hook-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

function write(files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(scratch, file)), { recursive: true })
    writeFileSync(join(scratch, file), text)
  }
}

describe('modules that are loaded', () => {
  const seen: string[] = []
  const problems: unknown[] = []
  const noting = (what: string) => (exports: object) => {
    seen.push(`${what} ${Object.keys(exports).join()}`)
  }
  const require = createRequire(join(scratch, 'app.js'))
  hookModules(
    [
      { package: 'orchard', file: 'index.js', patch: noting('orchard') },
      { package: 'orchard', file: 'lib/tree.js', isInner: true, patch: noting('tree') },
      { package: '@town/market', file: 'dist/main.cjs', patch: noting('market') },
      {
        package: 'broken',
        file: 'index.js',
        patch: () => {
          throw new Error('the patch')
        },
      },
    ],
    (where, error) => problems.push([where, (error as Error).message]),
    new Map([['old-orchard', 'orchard']]),
  )

  it('are patched whole, once for each copy, also where they load each other', () => {
    const orchard = {
      'index.js': "exports.first = 1; exports.tree = require('./lib/tree'); exports.last = 2",
      // Given what the other one exports so far.
      'lib/tree.js': "const { first } = require('..'); exports.leaves = first",
      'package.json': '{"main":"index.js"}',
    }
    for (const folder of ['node_modules/orchard', 'other/node_modules/orchard']) {
      write(
        Object.fromEntries(
          Object.entries(orchard).map(([file, text]) => [`${folder}/${file}`, text]),
        ),
      )
    }
    expect(require('orchard')).toBe(require('orchard/index.js'))
    require('orchard/lib/tree.js')
    expect(seen).toEqual(['tree leaves', 'orchard first,tree,last'])
    seen.length = 0
    require(join(scratch, 'other/node_modules/orchard'))
    expect(seen).toEqual(['tree leaves', 'orchard first,tree,last'])
    seen.length = 0
  })

  it('are known by another name that the application has for them', () => {
    write({
      'node_modules/old-orchard/index.js': "exports.old = require('./lib/tree')",
      'node_modules/old-orchard/lib/tree.js': 'exports.oldLeaves = 1',
    })
    require('old-orchard')
    expect(seen).toEqual(['tree oldLeaves', 'orchard old'])
    seen.length = 0
  })

  it('are known by their scope, and by their file', () => {
    write({
      'node_modules/@town/market/dist/main.cjs': 'exports.open = true',
      'node_modules/@town/market/package.json': '{"main":"dist/main.cjs"}',
      'node_modules/@town/market/dist/other.cjs': 'exports.closed = true',
    })
    require('@town/market/dist/other.cjs')
    expect(seen).toEqual([])
    require('@town/market')
    require(join(scratch, 'node_modules/@town/market/dist/main.cjs'))
    expect(seen).toEqual(['market open'])
  })

  it('are given to the application as they are where a patch fails', () => {
    write({ 'node_modules/broken/index.js': 'exports.works = true' })
    expect(require('broken')).toEqual({ works: true })
    expect(problems).toEqual([['instrumenting broken', 'the patch']])
  })
})
