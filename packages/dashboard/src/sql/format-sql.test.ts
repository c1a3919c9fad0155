import { describe, expect, it } from 'vitest'
import { formatSql, tokenizeSql } from './format-sql.ts'

const lay = (text: string): string =>
  formatSql(text)
    .map(token => token.text)
    .join('')

describe('laying out a statement', () => {
  it('begins each clause on a line and indents conditions', () => {
    expect(
      lay(
        'SELECT id, total FROM orders o LEFT JOIN items i ON i.order_id = o.id WHERE o.customer_id = ? AND o.at BETWEEN ? AND ? ORDER BY o.at DESC LIMIT ?',
      ),
    ).toBe(
      [
        'SELECT id, total',
        'FROM orders o',
        'LEFT JOIN items i',
        '  ON i.order_id = o.id',
        'WHERE o.customer_id = ?',
        '  AND o.at BETWEEN ? AND ?',
        'ORDER BY o.at DESC',
        'LIMIT ?',
      ].join('\n'),
    )
  })

  it('indents a subquery and leaves lists and calls on their line', () => {
    expect(
      lay('select * from t where id in (select t_id from u where n = $1) and k in (?, ?)'),
    ).toBe(
      [
        'select *',
        'from t',
        'where id in (',
        '  select t_id',
        '  from u',
        '  where n = $1',
        ')',
        '  and k in (?, ?)',
      ].join('\n'),
    )
  })

  it('does not break inside functions, DELETE FROM or FOR UPDATE', () => {
    expect(lay('DELETE FROM t WHERE extract(epoch FROM at) > ?')).toBe(
      'DELETE FROM t\nWHERE extract(epoch FROM at) > ?',
    )
    expect(lay('SELECT 1 FROM t FOR UPDATE')).toBe('SELECT 1\nFROM t FOR UPDATE')
  })

  it('changes white space only, whatever it is given', () => {
    for (const text of [
      "select 'it''s', \"a b\" -- why\nfrom t",
      '(((',
      "'open",
      'GET key',
      '',
      '→ ünïcode 🙂',
    ]) {
      expect(lay(text).replaceAll(/\s+/g, '')).toBe(text.replaceAll(/\s+/g, ''))
    }
  })

  it('tells keywords, names, literals, placeholders and comments apart', () => {
    expect(
      tokenizeSql("SELECT a, 'x', 1, :p /* c */").filter(token => token.kind !== 'space'),
    ).toEqual([
      { kind: 'keyword', text: 'SELECT' },
      { kind: 'name', text: 'a' },
      { kind: 'mark', text: ',' },
      { kind: 'literal', text: "'x'" },
      { kind: 'mark', text: ',' },
      { kind: 'literal', text: '1' },
      { kind: 'mark', text: ',' },
      { kind: 'placeholder', text: ':p' },
      { kind: 'comment', text: '/* c */' },
    ])
  })
})
