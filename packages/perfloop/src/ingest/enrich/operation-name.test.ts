import { describe, expect, it } from 'vitest'
import { grpcStatus } from './grpc-status.ts'
import { hostOf, operationName } from './operation-name.ts'
import type { Role } from './semantic-keys.ts'
import type { SpanFacts } from './span-facts.ts'

function facts(kind: number, name: string, roles: Partial<Record<Role, string>> = {}): SpanFacts {
  return {
    kind,
    name,
    scope: '',
    isUnmatched: false,
    isBeyondNames: false,
    text: role => roles[role] || undefined,
    has: role => roles[role] !== undefined,
  }
}

describe('hostOf', () => {
  it.each([
    ['https://x.example.com/a?b=c', 'x.example.com'],
    ['http://x:8080', 'x'],
    ['http://u:p@x/a@b', 'x'],
    ['http://[::1]:80/', '[::1]'],
    ['x.example.com/a', 'x.example.com'],
    ['http://x?y=/z', 'x'],
  ])('is the name without user and port: %s', (url, host) => {
    expect(hostOf(url)).toBe(host)
  })
})

describe('operationName', () => {
  it('uses what the protocol tells before the name', () => {
    expect(operationName(facts(2, 'x', { httpMethod: 'get', httpRoute: '/a/{id}' }))).toBe(
      'GET /a/{id}',
    )
    expect(
      operationName(
        facts(3, 'x', { httpMethod: 'GET', urlFull: 'http://h/a/7', urlTemplate: '/a/{n}' }),
      ),
    ).toBe('GET h/a/{n}')
    expect(operationName(facts(1, 'middleware', { httpMethod: 'GET' }))).toBe('middleware')
    expect(operationName(facts(3, 'x', { rpcSystem: 'grpc' }))).toBe('x')
    expect(operationName(facts(5, 'x', { messagingDestination: 'mail' }))).toBe('process mail')
    expect(
      operationName(facts(5, 'x', { messagingDestination: 'mail', messagingOperation: 'ack' })),
    ).toBe('ack mail')
  })

  it('tells operations of GraphQL apart, by type and by a name that is one', () => {
    const named = (graphqlType: string, graphqlName?: string) =>
      operationName(
        facts(2, 'x', {
          httpMethod: 'POST',
          httpRoute: '/graphql',
          graphqlType,
          ...(graphqlName === undefined ? {} : { graphqlName }),
        }),
      )
    expect(named('query', 'Basket')).toBe('POST /graphql query Basket')
    expect(named('mutation')).toBe('POST /graphql mutation')
    expect(named('query', 'DROP TABLE')).toBe('POST /graphql query')
    expect(named('made up', 'Basket')).toBe('POST /graphql')
  })

  it('is never empty and never long', () => {
    expect(operationName(facts(1, ''))).toBe('unnamed')
    expect(
      operationName(facts(2, 'x', { httpMethod: 'GET', httpRoute: `/${'a'.repeat(500)}` })),
    ).toHaveLength(255)
  })
})

describe('grpcStatus', () => {
  it.each([
    ['OK', 0],
    ['not_found', 5],
    ['14', 14],
    ['', 0],
    ['nonsense', 0],
  ])('reads names and numbers: %s', (text, code) => {
    expect(grpcStatus(text)).toBe(code)
  })
})
