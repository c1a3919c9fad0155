import { describe, expect, it } from 'vitest'
import {
  declarations,
  declarationsVersion,
  declareModel,
  declareRoute,
  onDeclarationsChange,
} from './declarations.ts'

describe('declarations', () => {
  it('keep each route and model once, and tell of each change', () => {
    let changes = 0
    onDeclarationsChange(() => changes++)
    declareRoute('get', '/towns/:town', 'express')
    declareRoute('GET', '/towns/:town', 'express')
    declareModel('Stall', 'stalls', 'prisma')
    declareModel('Stall', 'stalls', 'prisma')
    expect(declarations()).toEqual({
      version: 2,
      routes: [{ method: 'GET', route: '/towns/:town', framework: 'express' }],
      models: [{ name: 'Stall', table: 'stalls', mapper: 'prisma' }],
      omitted: 0,
    })
    expect([changes, declarationsVersion()]).toEqual([2, 2])
  })

  it('pass over what is no name', () => {
    const before = declarationsVersion()
    for (const bad of ['', 'x'.repeat(600), Symbol('route') as never, undefined as never]) {
      declareRoute('GET', bad, 'express')
      declareRoute(bad === '' ? bad : 'GET', '', 'express')
      declareModel(bad, '', 'prisma')
    }
    expect(declarationsVersion()).toBe(before)
  })

  it('stay within their bounds, and say how many are missing', () => {
    for (let n = 0; n < 30_000; n++) declareRoute('GET', `/route/${n}`, 'express')
    const { routes, omitted, version } = declarations()
    expect(routes.length).toBe(20_000)
    expect(omitted).toBe(30_000 - 20_000 + 1)
    expect(version).toBe(20_001)
  })
})
