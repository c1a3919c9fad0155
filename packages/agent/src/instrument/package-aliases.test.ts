import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { readAliases } from './package-aliases.ts'

const scratch = mkdtempSync(join(tmpdir(), 'perfloop-aliases-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

it('reads by which names an application calls its packages, in its folder and those above', () => {
  const inner = join(scratch, 'packages/shop')
  mkdirSync(inner, { recursive: true })
  const outer = {
    dependencies: {
      'old-pg': 'npm:pg@8.11.0',
      'our-api': 'npm:@opentelemetry/api@^1.9.0',
      pg: '^8',
    },
    devDependencies: { both: 'npm:outer@1' },
  }
  writeFileSync(join(scratch, 'package.json'), JSON.stringify(outer))
  writeFileSync(join(inner, 'package.json'), '{ "optionalDependencies": { "both": "npm:inner" } }')
  writeFileSync(join(scratch, 'packages/package.json'), 'no JSON')
  expect([...readAliases([inner])].toSorted()).toEqual([
    ['both', 'inner'],
    ['old-pg', 'pg'],
    ['our-api', '@opentelemetry/api'],
  ])
})
