import { describe, expect, it } from 'vitest'
import { noncesOf, scriptIsAllowed } from './script-policy.ts'

describe('a policy for scripts', () => {
  it.each([
    [undefined, true],
    ['img-src x', true],
    ["default-src 'self'", true],
    ["default-src 'none'; script-src *", true],
    ["default-src 'none'; script-src 'self'", true],
    ["script-src 'nonce-abc123==' 'strict-dynamic'", true],
    ["script-src 'self' 'strict-dynamic' 'sha256-x'", false],
    ["default-src 'none'", false],
    ['script-src https://elsewhere.example', false],
    ["default-src 'self', script-src 'none'", false],
  ])('%s lets a script of the page’s own origin run: %s', (policy, isAllowed) => {
    expect(scriptIsAllowed(policy)).toBe(isAllowed)
  })

  it('names its nonce, and nothing that would end the attribute', () => {
    expect(noncesOf("script-src 'nonce-aB3+/='")).toEqual(['aB3+/='])
    expect(noncesOf(`script-src 'nonce-"><script>'`)).toEqual([])
  })
})
