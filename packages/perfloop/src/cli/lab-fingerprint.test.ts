import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { fingerprintInput, fingerprintStatements } from './lab-fingerprint.ts'

describe('perfloop lab fingerprint', () => {
  it('answers normalized text, fingerprint, tables and summary for each statement in order', () => {
    const input = JSON.stringify(['select * from boats where id = 1', 'VACUUM'])
    const [first, second] = fingerprintStatements(input, 'postgresql')
    expect(first).toEqual({
      normalized: 'SELECT * FROM boats WHERE id = ?',
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      tables: ['boats'],
      summary: 'SELECT boats',
    })
    expect(second?.summary).toBe('VACUUM')
  })

  it('prints JSON for programs and text for people', async () => {
    const input = () => Readable.from([Buffer.from('["SELECT '), '1"]'])
    const json = await fingerprintInput(input(), { dialect: 'mysql', json: true })
    expect(JSON.parse(json)).toEqual(fingerprintStatements('["SELECT 1"]', 'mysql'))
    const text = await fingerprintInput(input(), { dialect: 'mysql', json: false })
    expect(text).toContain('SELECT ?')
  })

  it.each(['', '{}', '[1]', 'SELECT 1'])('refuses %j, which is no array of strings', input => {
    expect(() => fingerprintStatements(input, 'sqlite')).toThrow(
      expect.objectContaining({ code: 'INPUT_UNREADABLE' }),
    )
  })
})
