import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PerfloopError } from '../domain/perfloop-error.ts'
import { describeSettings } from './describe-settings.ts'
import { loadSettings } from './load-settings.ts'

function fileOf(text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'perfloop-settings-')), 'perfloop.json')
  writeFileSync(file, text)
  return file
}

function failureOf(work: () => unknown): PerfloopError {
  try {
    work()
  } catch (error) {
    if (error instanceof PerfloopError) return error
  }
  throw new Error('expected a PerfloopError')
}

describe('loading the settings', () => {
  it('lets a flag win over the environment, that over the file, and that over the default', () => {
    const file = fileOf(
      '{"server":{"port":1,"host":"from-file"},"ingest":{"spool":{"segmentMaxRows":7}}}',
    )
    const env = { PERFLOOP_SERVER_PORT: '2', PERFLOOP_INGEST_SPOOL_SEGMENT_MAX_AGE_MS: '9' }

    const { settings, sources } = loadSettings({ file, env, flags: { 'server.port': 3 } })

    expect(settings.server).toMatchObject({ port: 3, host: 'from-file', liveIntervalMs: 1000 })
    expect(settings.ingest.spool).toMatchObject({ segmentMaxRows: 7, segmentMaxAgeMs: 9 })
    expect(sources.get('server.port')).toBe('flag')
    expect(sources.get('ingest.spool.segmentMaxAgeMs')).toBe('environment')
    expect(sources.get('server.host')).toBe('file')
    expect(sources.get('server.liveIntervalMs')).toBe('default')
  })

  it('takes objects from a variable as JSON', () => {
    const { settings } = loadSettings({ env: { PERFLOOP_SAMPLING_RATES: '{"production":0.5}' } })
    expect(settings.sampling.rates).toEqual({ production: 0.5 })
  })

  it('names every wrong key and value', () => {
    const file = fileOf('{"server":{"port":-1,"colour":"red"},"sampling":{"defaultRate":2}}')
    const { code, details } = failureOf(() => loadSettings({ file }))
    expect(code).toBe('SETTINGS_INVALID')
    expect(String(details.problems)).toMatch(/server\.port.*|colour/)
    expect(String(details.problems)).toContain('sampling.defaultRate')
  })

  it('says which file it could not read and why', () => {
    expect(failureOf(() => loadSettings({ file: '/does/not/exist.json' })).code).toBe(
      'SETTINGS_FILE_UNREADABLE',
    )
    expect(failureOf(() => loadSettings({ file: fileOf('{"server": ') })).code).toBe(
      'SETTINGS_FILE_UNREADABLE',
    )
    expect(failureOf(() => loadSettings({ file: fileOf('[]') })).code).toBe(
      'SETTINGS_FILE_UNREADABLE',
    )
  })

  it('warns of a variable that is almost a setting', () => {
    const { warnings } = loadSettings({
      env: { PERFLOOP_SERVER_PROT: '1', HOME: '/', PERFLOOP_TOKEN: 'x' },
    })
    expect(warnings).toEqual([
      'PERFLOOP_SERVER_PROT is not a setting; see docs/settings.md for the names',
    ])
  })
})

describe('the settings schema', () => {
  it('explains every setting and gives it a variable of its own', () => {
    const descriptions = describeSettings()
    expect(descriptions.filter(({ description }) => description === '')).toEqual([])
    expect(new Set(descriptions.map(({ variable }) => variable)).size).toBe(descriptions.length)
  })
})
