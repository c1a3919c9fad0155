import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { startWithAgent } from './agent-process.ts'
import { startOtlpReceiver } from './otlp-receiver.ts'

const SERVER = 2
const ecosystem = fileURLToPath(new URL('ecosystem', import.meta.url))

it('leaves files alone that lie beside a program, called as those of a build, and that it never loaded', async () => {
  await using receiver = await startOtlpReceiver()
  await using app = await startWithAgent('beside-a-build/index.mjs', receiver.endpoint)
  expect(JSON.parse(await app.get('/'))).toEqual([])
  expect(app.standardError()).not.toContain('perfloop')
})

it('loads nothing of a build a second time, whatever links lead to it', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'perfloop-built-'))
  try {
    symlinkSync(join(ecosystem, 'nitro-build'), join(scratch, 'current'))
    await using receiver = await startOtlpReceiver()
    await using app = await startWithAgent(
      relative(ecosystem, join(scratch, 'current/index.mjs')),
      receiver.endpoint,
      { flags: ['--preserve-symlinks-main', '--enable-source-maps'] },
    )
    expect(await app.get('/loaded')).toBe('1')
    expect(app.standardError()).not.toContain('perfloop')
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
})

it('names requests by the routes of SvelteKit where a server of its own imports what was built', async () => {
  await using receiver = await startOtlpReceiver()
  await using app = await startWithAgent('own-svelte-server.mjs', receiver.endpoint)
  await app.get('/blog/first')
  const span = await eventually('the span', async () =>
    receiver.spans.find(({ kind }) => kind === SERVER),
  )
  expect(span.name).toBe('GET /blog/[slug]')
})
