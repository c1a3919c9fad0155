import { describe, expect, it } from 'vitest'
import type { DeclarationRecord } from '../store/control/control-store.ts'
import { compareCoverage } from './compare-coverage.ts'

function declared(
  routes: readonly string[],
  models: readonly (readonly [name: string, table: string])[] = [],
): DeclarationRecord {
  return {
    environment: 'production',
    service: 'market',
    revision: '0011223344556677',
    routes: routes.map(text => {
      const [method = '', route = ''] = text.split(' ')
      return { method, route, framework: 'express' }
    }),
    models: models.map(([name, table]) => ({ name, table, mapper: 'prisma' })),
    omitted: 0,
    declaredAt: '2026-03-01T10:00:00.000Z',
  }
}

const seen = (operation: string, calls = 1) => ({
  operation,
  calls,
  errors: 0,
  lastSeenUnixS: 1_700_000_000,
})

function routesOf(declarations: readonly DeclarationRecord[], operations: readonly string[]) {
  const { routes } = compareCoverage(
    declarations,
    operations.map(operation => seen(operation)),
    [],
  )
  return routes.map(
    ({ method, route, framework, calls }) =>
      `${framework === null ? '+' : calls} ${method} ${route}`,
  )
}

describe('what was declared against what was seen', () => {
  it('names the route that nobody called, and the one that nobody declared', () => {
    expect(
      routesOf(
        [declared(['GET /towns/:town', 'POST /towns', 'GET /never'])],
        ['GET /towns/:town', 'POST /towns', 'GET /hidden'],
      ),
    ).toEqual(['1 GET /towns/:town', '1 POST /towns', '0 GET /never', '+ GET /hidden'])
  })

  it('counts all operations of GraphQL for the route they come to', () => {
    expect(
      routesOf(
        [declared(['POST /graphql'])],
        [
          'POST /graphql query Basket',
          'POST /graphql mutation',
          'POST /other query A',
          'POST /other query B',
        ],
      ),
    ).toEqual(['2 POST /graphql', '+ POST /other'])
  })

  it('knows a route without a slash from an operation of GraphQL', () => {
    expect(routesOf([declared(['GET query'])], ['GET query', 'GET mutation Basket'])).toEqual([
      '1 GET query',
      '+ GET mutation Basket',
    ])
  })

  it('counts a route of every method once, by whichever method it was called', () => {
    expect(routesOf([declared(['ALL /any'])], ['PUT /any', 'GET /any'])).toEqual(['2 ALL /any'])
  })

  it('takes what a framework answers by itself, and what no route took, for no gap', () => {
    expect(
      routesOf(
        [declared(['GET /towns'])],
        ['HEAD /towns', 'OPTIONS /towns', 'GET', 'GET (no route)'],
      ),
    ).toEqual(['0 GET /towns'])
  })

  it('does not mind a slash at the end, nor that two instances declared the same', () => {
    expect(
      routesOf([declared(['GET /towns/']), declared(['GET /towns/', 'GET /'])], ['GET /towns']),
    ).toEqual(['1 GET /towns/', '0 GET /'])
  })

  it('knows the table of a model with and without its schema', () => {
    const { models } = compareCoverage(
      [
        declared(
          [],
          [
            ['Stall', 'market.stalls'],
            ['Town', 'towns'],
            ['Guild', ''],
          ],
        ),
      ],
      [],
      [
        { model: 'stalls', reads: 3, writes: 1 },
        { model: 'other.towns', reads: 1, writes: 0 },
        { model: 'ledger', reads: 1, writes: 0 },
      ],
    )
    expect(models.map(({ name, mapper, reads, writes }) => [name, mapper, reads, writes])).toEqual([
      ['Stall', 'prisma', 3, 1],
      ['Town', 'prisma', 1, 0],
      ['Guild', 'prisma', 0, 0],
      ['ledger', null, 1, 0],
    ])
  })

  it('says nothing of tables where no model was declared', () => {
    const { models } = compareCoverage(
      [declared(['GET /'])],
      [],
      [{ model: 'stalls', reads: 1, writes: 0 }],
    )
    expect(models).toEqual([])
  })
})

describe('many models', () => {
  it('are looked up, not compared with each other', () => {
    const names = Array.from({ length: 6_000 }, (_, at) => `model_${at}`)
    const startMs = performance.now()
    const { models } = compareCoverage(
      [
        declared(
          [],
          names.map(name => [name, `Market.${name}`]),
        ),
      ],
      [],
      names.map(model => ({ model, reads: 1, writes: 0 })),
    )
    expect(performance.now() - startMs).toBeLessThan(1_000)
    expect(models.map(({ reads }) => reads)).toEqual(names.map(() => 1))
  })
})
