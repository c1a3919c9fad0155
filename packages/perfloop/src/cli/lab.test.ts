import { describe, expect, it } from 'vitest'
import { labFingerprints, printFingerprints } from './lab.ts'

describe('perfloop lab fingerprint', () => {
  it('answers normalized text, fingerprint, tables and summary for each statement in order', () => {
    const input = JSON.stringify(['select * from boats where id = 1', 'VACUUM'])
    const [first, second] = labFingerprints(input, 'postgresql')
    expect(first).toEqual({
      normalized: 'SELECT * FROM boats WHERE id = ?',
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      tables: ['boats'],
      summary: 'SELECT boats',
    })
    expect(second?.summary).toBe('VACUUM')
  })

  it('prints JSON for programs and text for people', () => {
    const found = labFingerprints('["SELECT 1"]', 'mysql')
    expect(JSON.parse(printFingerprints(found, { json: true }))).toEqual(found)
    expect(printFingerprints(found, { json: false })).toContain('SELECT ?')
  })

  it.each(['', '{}', '[1]', 'SELECT 1'])('refuses %j, which is no array of strings', input => {
    expect(() => labFingerprints(input, 'sqlite')).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST' }),
    )
  })
})
