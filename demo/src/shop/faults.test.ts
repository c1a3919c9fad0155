import { describe, expect, it } from 'vitest'
import { createFaultSwitches, FAULT_NAMES, parseFaults } from './faults.ts'

describe('faults', () => {
  it('are named one by one, all at once or not at all', () => {
    expect(parseFaults('n-plus-one, missing-index')).toEqual(['n-plus-one', 'missing-index'])
    expect(parseFaults('all')).toEqual(FAULT_NAMES)
    expect(parseFaults('none')).toEqual([])
    expect(parseFaults('')).toEqual([])
  })

  it('of a wrong name are refused with the right ones', () => {
    expect(() => parseFaults('n-plus-two')).toThrow(/n-plus-two.*n-plus-one/)
  })

  it('are switched while the shop runs', () => {
    const faults = createFaultSwitches(['slow-template'])
    faults.set('slow-template', false)
    faults.set('error-burst', true)
    expect(faults.isOn('slow-template')).toBe(false)
    expect(faults.isOn('error-burst')).toBe(true)
    expect(Object.keys(faults.all())).toEqual(FAULT_NAMES)
  })
})
