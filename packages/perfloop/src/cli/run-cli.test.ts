import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { PerfloopError } from '../domain/perfloop-error.ts'
import { describeFailure } from './describe-failure.ts'
import { runCli } from './run-cli.ts'
import { parsePort } from './serve.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' }
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    written.out += String(text)
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation(text => {
    written.err += String(text)
    return true
  })
  const code = await runCli(args, { version: '9.9.9', env: {} })
  vi.restoreAllMocks()
  return { code, ...written }
}

describe('the command line', () => {
  it('lists its commands and tells its version', async () => {
    const help = await run('--help')
    expect(help.code).toBe(0)
    expect(help.out).toMatch(/serve .*\n/)
    expect(await run('--version')).toMatchObject({ code: 0, out: '9.9.9\n' })
  })

  it('tells misuse by its exit code and says how it is meant', async () => {
    const unknown = await run('dance')
    expect(unknown.code).toBe(2)
    expect(unknown.err).toContain("unknown command 'dance'")
    const port = await run('serve', '--port', 'http')
    expect(port.code).toBe(2)
    expect(port.err).toContain('a port is 0 to 65535')
  })

  it('says what is wrong with the settings, without a stack', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'perfloop-cli-'))
    const file = join(directory, 'settings.json')
    writeFileSync(file, '{"server":{"prot":1}}')
    const { code, err } = await run('serve', '--config', file)
    rmSync(directory, { recursive: true })
    expect(code).toBe(1)
    expect(err).toContain('SETTINGS_INVALID')
    expect(err).toContain('prot')
    expect(err).not.toContain('    at ')
  })
})

describe('a failure', () => {
  it('is told with its details, its usual cause and its cure', () => {
    const words = describeFailure(
      new PerfloopError('PORT_IN_USE', { port: 4600, problems: ['one', 'two'], nothing: null }),
      {},
    )
    expect(words).toContain('(PORT_IN_USE)\n  port: 4600\n  one\n  two\nUsual cause: ')
    expect(words).toContain('choose another port')
  })

  it('has its stack only for those who ask', () => {
    expect(describeFailure(new Error('oops'), {})).toBe('perfloop: oops')
    expect(describeFailure(new Error('oops'), { PERFLOOP_DEBUG: '1' })).toContain('    at ')
    expect(describeFailure('text', {})).toBe('perfloop: text')
    expect(
      describeFailure(new PerfloopError('INTERNAL', { a: { b: 1 } }), { PERFLOOP_DEBUG: '1' }),
    ).toContain('a: {"b":1}')
  })
})

describe('a port', () => {
  it('is a number a port can have', () => {
    expect(parsePort('0')).toBe(0)
    for (const text of ['65536', '-1', '1.5', '', 'x']) expect(() => parsePort(text)).toThrow()
  })
})
