import { describe, expect, it } from 'vitest'
import { rebuildAttributes } from './rebuild-attributes.ts'

describe('rebuildAttributes', () => {
  it('puts constants and values back in their places, with their types', () => {
    const shape = {
      keys: [
        's',
        'i',
        'd',
        'b',
        'j',
        'sql',
        '@name',
        '@status_message',
        '@trace_state',
        '@dropped',
      ],
      types: 'sidbjqsssj',
      variable: [0, 1, 0, 1, 0, 0, 1, 0, 0, 0],
      constants: ['x', '', '0.5', '', '[1]', '', '', 'broke', 'ot=th:8', '{"attributes":2}'],
    }
    expect(rebuildAttributes(shape, ['7', 'true', 'as sent'], 'SELECT ?')).toEqual({
      attributes: { s: 'x', i: 7, d: 0.5, b: true, j: [1], sql: 'SELECT ?' },
      name: 'as sent',
      statusMessage: 'broke',
      traceState: 'ot=th:8',
      dropped: { attributes: 2 },
    })
  })

  it('keeps as text what a double or JSON cannot hold', () => {
    const shape = {
      keys: ['i', 'd', 'j'],
      types: 'idj',
      variable: [0, 0, 0],
      constants: ['9223372036854775807', 'NaN', '{"cut'],
    }
    expect(rebuildAttributes(shape, []).attributes).toEqual({
      i: '9223372036854775807',
      d: 'NaN',
      j: '{"cut',
    })
  })

  it('unfolds attributes that were stored as one document', () => {
    const document = JSON.stringify([
      ['a', 'i', '1'],
      ['__proto__', 's', 'x'],
      ['q', 'q', ''],
    ])
    const shape = {
      keys: ['@attributes', '@name'],
      types: 'js',
      variable: [1, 1],
      constants: ['', ''],
    }
    const { attributes, name } = rebuildAttributes(shape, [document, 'n'], 'SELECT ?')
    expect(Object.entries(attributes)).toEqual([
      ['a', 1],
      ['__proto__', 'x'],
      ['q', 'SELECT ?'],
    ])
    expect(name).toBe('n')
  })

  it('survives rows that do not fit together', () => {
    const shape = {
      keys: ['a', '@attributes', '@dropped'],
      types: '',
      variable: [1],
      constants: [],
    }
    expect(rebuildAttributes(shape, [])).toEqual({ attributes: { a: '' }, dropped: {} })
  })
})
