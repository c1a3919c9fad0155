import { describe, expect, it } from 'vitest'
import { instanceName } from './instance-name.ts'

// Version 7 begins with the time: processes started together begin alike.
const FIRST = '0192f3a1-7c2b-7d10-8a44-9b0f1c2d3e4f'
const SECOND = '0192f3a1-7c2b-7e99-9c10-4f3e2d1c0b9a'
const LATER = '0192f3a2-0001-7000-8000-000000000001'

describe('the name of an instance', () => {
  it('is as much of a UUID as tells it from the others', () => {
    expect(instanceName(FIRST, [FIRST])).toBe('0192f3a1')
    expect(instanceName(FIRST, [FIRST, LATER])).toBe('0192f3a1')
    expect(instanceName(FIRST, [FIRST, SECOND, LATER])).toBe('0192f3a1-7c2b-7d10')
    expect(instanceName(SECOND, [FIRST, SECOND, LATER])).toBe('0192f3a1-7c2b-7e99')
  })

  it('is what it was given, where somebody has chosen it', () => {
    expect(instanceName('web-1', ['web-1', 'web-2'])).toBe('web-1')
    expect(instanceName('', [])).toBe('unnamed')
  })
})
