import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { builtEntry } from '../../domain/built-entry.ts'
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

  it('makes the directory when it is not there, for its owner alone', () => {
    const made = join(directory, 'a', 'b')
    lockDataDirectory(made).release()
    expect(statSync(made).mode & 0o077).toBe(0)
    expect(readdirSync(made)).toEqual([])
  })

  // Node's own way of making folders never comes back from here.
  it.runIf(existsSync('/proc/self'))('says so where the system lets nobody make a folder', () => {
    expect(() => lockDataDirectory('/proc/perfloop/data')).toThrow(
      expect.objectContaining({
        code: 'DATA_DIRECTORY_UNUSABLE',
        details: expect.objectContaining({ directory: '/proc/perfloop/data' }),
      }),
    )
  })

  it('says what is in the way when there can be no such directory', () => {
    writeFileSync(file(), '')
    expect(() => lockDataDirectory(file())).toThrow(
      expect.objectContaining({ code: 'DATA_DIRECTORY_UNUSABLE' }),
    )
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

  it('is free although a process was killed while it took over from another', () => {
    writeFileSync(file(), JSON.stringify({ pid: process.pid, startedAt: 'another time' }))
    const claim = `${file()}.after-${process.pid}-another_time`
    writeFileSync(claim, JSON.stringify({ pid: process.pid, startedAt: 'yet another' }))
    lockDataDirectory(directory).release()
    expect(readdirSync(directory)).toEqual([])
  })

  it('goes to one of many that start at once over what a killed process left', async () => {
    writeFileSync(file(), JSON.stringify({ pid: process.pid, startedAt: 'another time' }))
    const script = `
      const { lockDataDirectory } = await import(process.argv[1])
      while (Date.now() < Number(process.argv[3])) {}
      try { lockDataDirectory(process.argv[2]); console.log('has it') } catch { console.log('has it not') }
      process.stdin.resume().on('end', () => process.exit())`
    const entry = builtEntry(import.meta.url, './data-directory-lock.ts').href
    const at = String(Date.now() + 1_000)
    const children = [1, 2, 3].map(() =>
      spawn(process.execPath, ['--input-type=module', '-e', script, entry, directory, at]),
    )
    // Nobody lets go of it before all have tried, however slowly they start.
    const told = await Promise.all(
      children.map(
        child =>
          new Promise<string>((resolve, reject) => {
            child.stdout.once('data', text => resolve(String(text).trim()))
            child.once('exit', code => reject(new Error(`it ended with ${code}`)))
          }),
      ),
    )
    for (const child of children) child.stdin.end()
    expect(told.sort()).toEqual(['has it', 'has it not', 'has it not'])
  })
})
