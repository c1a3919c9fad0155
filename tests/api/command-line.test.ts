import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const BIN = fileURLToPath(new URL('../../packages/perfloop/bin/perfloop.js', import.meta.url))

it('a command goes on when nobody reads what it prints', async () => {
  const child = spawn(process.execPath, [BIN, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  child.stderr.destroy()
  expect(await once(child, 'close')).toEqual([0, null])
})

it.skipIf(!existsSync('/dev/full'))(
  'a command that cannot print says so by its exit code',
  async () => {
    const full = openSync('/dev/full', 'w')
    const child = spawn(process.execPath, [BIN, '--help'], { stdio: ['ignore', full, 'ignore'] })
    expect(await once(child, 'close')).toEqual([1, null])
    closeSync(full)
  },
)

it('a limit that is no number is misuse', async () => {
  const args = [BIN, 'lab', 'leak', '-', '--limit', 'abc']
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  expect(await once(child, 'close')).toEqual([2, null])
})
