import { describe, expect, it } from 'vitest'
import { fingerprintStatement } from './fingerprint-statement.ts'
import { createStatementCache } from './statement-cache.ts'

const MEGABYTE = 1024 * 1024

describe('the statement cache', () => {
  it('answers what the lexer answers, and the second time from memory', () => {
    const cache = createStatementCache({ maxEntries: 100, maxBytes: MEGABYTE })
    const text = 'SELECT name FROM harbours WHERE id = 7'
    const first = cache.get(text, 'postgresql')
    expect(first).toEqual(fingerprintStatement(text, 'postgresql'))
    expect(cache.get(text, 'postgresql')).toBe(first)
    expect(cache.statistics()).toMatchObject({ hits: 1, misses: 1, entries: 1 })
  })

  it('keeps dialects apart', () => {
    const cache = createStatementCache({ maxEntries: 100, maxBytes: MEGABYTE })
    const text = 'SELECT "a" FROM t'
    expect(cache.get(text, 'postgresql').normalized).toBe('SELECT a FROM t')
    expect(cache.get(text, 'mysql').normalized).toBe('SELECT ? FROM t')
    expect(cache.get(text, 'postgresql').normalized).toBe('SELECT a FROM t')
  })

  it('stays within its entries under a flood, and keeps what is asked for again and again', () => {
    const cache = createStatementCache({ maxEntries: 1_000, maxBytes: 100 * MEGABYTE })
    for (let n = 0; n < 100_000; n++) {
      cache.get(`SELECT a FROM t_${n}`, 'postgresql')
      if (n % 100 === 0) cache.get('SELECT often FROM t', 'postgresql')
    }
    const { entries, evictions, hits } = cache.statistics()
    expect(entries).toBeLessThanOrEqual(1_000)
    expect(evictions).toBeGreaterThan(90_000)
    expect(hits).toBe(999)
  })

  it('stays within its bytes', () => {
    const cache = createStatementCache({ maxEntries: 1_000_000, maxBytes: MEGABYTE })
    for (let n = 0; n < 5_000; n++) cache.get(`SELECT '${'x'.repeat(1_000)}${n}'`, 'postgresql')
    expect(cache.statistics().bytes).toBeLessThanOrEqual(MEGABYTE)
  })

  it('reads a giant statement without keeping it', () => {
    const cache = createStatementCache({ maxEntries: 1_000, maxBytes: MEGABYTE })
    const pattern = cache.get(`SELECT '${'x'.repeat(MEGABYTE)}'`, 'postgresql')
    expect(pattern.normalized).toBe('SELECT ?')
    expect(cache.statistics()).toMatchObject({ entries: 0, tooLong: 1 })
  })

  it('is empty after clear', () => {
    const cache = createStatementCache({ maxEntries: 10, maxBytes: MEGABYTE })
    cache.get('SELECT 1', 'sqlite')
    cache.clear()
    expect(cache.statistics()).toMatchObject({ entries: 0, bytes: 0 })
  })
})
