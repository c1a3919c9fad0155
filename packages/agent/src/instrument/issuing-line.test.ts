import { expect, it } from 'vitest'
import { knownText } from './issuing-line.ts'

it('tells statements apart by their text without literals, and remembers no long one', () => {
  const one = knownText("SELECT * FROM fruit WHERE name = 'it''s' AND id IN (1, 2, 3)")
  const two = knownText("SELECT * FROM fruit WHERE name = 'other' AND id IN (17)")
  expect(two.lines).toBe(one.lines)
  expect(knownText('SELECT * FROM fruit WHERE id = $1').lines).not.toBe(one.lines)
  expect(knownText(one.text.text)).toBe(one)
  const long = `SELECT 1 /* ${'x'.repeat(20_000)} */`
  expect(knownText(long)).not.toBe(knownText(long))
  expect([
    one.name.text,
    knownText('  with a AS (SELECT 1)').name.text,
    knownText('(SELECT 1)').name.text,
  ]).toEqual(['SELECT', 'WITH', 'SQL'])
})
