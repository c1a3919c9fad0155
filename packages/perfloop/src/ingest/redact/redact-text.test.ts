import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redactEmails, redactText } from './redact-text.ts'
import { redactName, redactValue } from './redact-value.ts'

describe('redactText', () => {
  it.each([
    ['no user ada@example.org here', 'no user [redacted] here'],
    ['mail ada%40example.org', 'mail [redacted]'],
    ['Authorization: Bearer abcdef123456.x', 'Authorization: [redacted] [redacted]'],
    ['token eyJhbGciOiJI.eyJzdWIiOiIx.abc', 'token [redacted]'],
    ['postgres://ada:secret@db:5432/shop', 'postgres://db:5432/shop'],
    ['connect with password=hunter2 failed', 'connect with password=[redacted] failed'],
    ['{"password": "hunter2", "a": 1}', '{"password": "[redacted]", "a": 1}'],
    ['GET /find?q=ada&page=2 failed', 'GET /find?q=?&page=? failed'],
    ['card 4111 1111 1111 1111 refused', 'card [redacted] refused'],
    ['person 850312-4471', 'person [redacted]'],
    ['ssn 078-05-1120', 'ssn [redacted]'],
    ['call +49 170 1234567', 'call [redacted]'],
    ["Duplicate entry 'ada' for key 'users.email'", 'Duplicate entry ? for key ?'],
    ['invalid input syntax for type integer: "ada"', 'invalid input syntax for type integer: ?'],
    ['Key (email, name)=(ada, Ada (A.)) already exists.', 'Key (email, name)=(?) already exists.'],
    ['Failing row contains (1, ada, null).', 'Failing row contains (?)'],
    ["syntax error near 'it''s ada'", 'syntax error near ?'],
    ['Duplicate entry "ada" for key', 'Duplicate entry ? for key'],
    ['The duplicate key value is (ada, 7).', 'The duplicate key value is (?'],
    ['E11000 dup key: { name: "ada" }', 'E11000 dup key: {?'],
    ["[parameters: {'ids': [1], 'name': \"ada's\"}]", '[parameters: ?'],
    ['node x --password ada -v', 'node x --password [redacted] -v'],
  ])('takes out what tells of a person: %s', (text, expected) => {
    expect(redactText(text)).toBe(expected)
  })

  it.each([
    'connection refused',
    'took 1532 ms, retry 3 of 5',
    'at save (/app/users.js:10:5)',
    'Cannot read properties of undefined (reading "id")',
    'HTTP 503 from 10.0.0.17:8080',
    'listening on 127.0.0.1:4318',
    '2026-01-15 12:00:01 started',
    "can't open it, don't know why",
    'express@4.18.2 is not supported',
  ])('leaves what tells only of the failure: %s', text => {
    expect(redactText(text)).toBe(text)
  })

  it('changes nothing the second time, and takes linear time', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), text => {
        const once = redactText(text)
        expect(redactText(once)).toBe(once)
      }),
      { numRuns: 500 },
    )
    for (const unit of [
      'a@',
      "'",
      'a.b',
      '1-',
      'key (',
      'password=',
      '://a',
      'select ',
      '%40',
      '?a=',
    ]) {
      const before = process.cpuUsage()
      redactText(unit.repeat(16_384 / unit.length))
      expect(process.cpuUsage(before).user).toBeLessThan(5_000_000)
    }
  })
})

describe('redactValue', () => {
  it('does what the meaning of the key demands', () => {
    expect(redactValue('keep', 'a@b.org')).toBe('a@b.org')
    expect(redactValue('drop', 'x')).toBe('')
    expect(redactValue('statement', "SELECT 'x'")).toBe('SELECT ?')
    expect(redactValue('url', 'http://u:p@x/a?b=c')).toBe('http://x/a?b=?')
    expect(redactValue('query', 'a=1&b=2')).toBe('a=?&b=?')
    expect(redactValue('query', '?a=1')).toBe('a=?')
    expect(redactValue('path', '/u/ada@example.org')).toBe('/u/[redacted]')
    expect(redactValue('text', 'of ada@example.org')).toBe('of [redacted]')
  })
})

describe('redactName', () => {
  it.each([
    ['GET /orders/:id', 'GET /orders/:id'],
    ['SELECT orders', 'SELECT orders'],
    ["SELECT * FROM users WHERE name = 'ada'", 'SELECT * FROM users WHERE name = ?'],
    ['GET https://x.org/a?b=c', 'GET https://x.org/a?b=?'],
    ['mail ada@example.org', 'mail [redacted]'],
  ])('keeps names and takes literals out: %s', (name, expected) => {
    expect(redactName(name)).toBe(expected)
  })

  it('knows an address in what is no text', () => {
    expect(redactEmails('no address')).toBe('no address')
  })
})
