import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockDataDirectory } from './data-directory-lock.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'perfloop-lock-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const file = () => join(directory, 'perfloop.lock')

describe('the lock of a data directory', () => {
  it('names the process that has it', () => {
    const lock = lockDataDirectory(directory)
    expect(() => lockDataDirectory(directory)).toThrow(
      expect.objectContaining({
        code: 'DATA_DIRECTORY_IN_USE',
        details: { directory, pid: process.pid },
      }),
    )
    lock.release()
    lockDataDirectory(directory).release()
  })

  it('makes the directory when it is not there', () => {
    lockDataDirectory(join(directory, 'a', 'b')).release()
  })

  it('is not held by a process that was killed', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    writeFileSync(file(), JSON.stringify({ pid: child.pid, startedAt: 'whenever' }))
    child.kill('SIGKILL')
    await new Promise(resolve => child.once('exit', resolve))
    lockDataDirectory(directory).release()
  })

  it('is not held by another process that was given the same id', () => {
    writeFileSync(file(), JSON.stringify({ pid: process.pid, startedAt: 'another time' }))
    const lock = lockDataDirectory(directory)
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toMatchObject({ pid: process.pid })
    lock.release()
  })

  it('is not held by half a file', () => {
    writeFileSync(file(), '{"pid":')
    lockDataDirectory(directory).release()
  })
})
