import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { startPerfloop } from '../perfloop-process.ts'

const parent = mkdtempSync(join(tmpdir(), 'perfloop-modes-'))
afterAll(() => rmSync(parent, { recursive: true, force: true }))

it('what Perfloop writes is for its owner’s eyes only, also in a directory that others may enter', async () => {
  const dataDirectory = join(parent, 'data')
  mkdirSync(dataDirectory, { mode: 0o755 })
  await using perfloop = await startPerfloop({ dataDirectory })
  await perfloop.send('POST', '/config/ingest-tokens', { name: 'a', environment: 'b' })
  const entries = readdirSync(dataDirectory, { recursive: true, encoding: 'utf8' })
  const open = entries.filter(entry => {
    const stat = statSync(join(dataDirectory, entry), { throwIfNoEntry: false })
    return stat !== undefined && !stat.isSocket() && (stat.mode & 0o077) !== 0
  })
  expect(entries).toContain('control.sqlite-wal')
  expect(entries.some(entry => entry.startsWith('telemetry/'))).toBe(true)
  expect(open).toEqual([])
}, 60_000)
