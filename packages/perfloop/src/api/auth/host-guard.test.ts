import { describe, expect, it } from 'vitest'
import { checkHost } from './host-guard.ts'

const rules = { boundHost: '127.0.0.1', allowedHosts: ['perf.example.org'] }
const ask =
  (host: string | undefined, origin?: string, localAddress = '127.0.0.1') =>
  () =>
    checkHost({ host, origin, localAddress }, rules)

describe('the host guard', () => {
  it.each([
    'localhost:4600',
    'LOCALHOST',
    '127.0.0.1:4600',
    '127.9.9.9',
    '[::1]:4600',
    'perf.example.org',
    'Perf.Example.Org.:443',
    'app.localhost:4600',
  ])('answers for %s', host => {
    expect(ask(host)).not.toThrow()
  })

  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'perf.example.org.evil.example',
    'evil.example#localhost',
    'user@localhost',
    'localhost:4600:80',
    '',
    undefined,
    '10.0.0.7',
    '[::1',
  ])('refuses the name %s, which somebody may have rebound to us', host => {
    expect(ask(host)).toThrow(/host or origin/)
  })

  it('answers for the address that the connection came in on, which cannot be rebound', () => {
    expect(ask('10.0.0.7:4600', undefined, '::ffff:10.0.0.7')).not.toThrow()
    expect(ask('10.0.0.8:4600', undefined, '10.0.0.7')).toThrow()
  })

  it('refuses what a foreign page embeds, and lets a link be followed', () => {
    const embed = (fetchSite: string, fetchMode: string) => () =>
      checkHost(
        { host: 'localhost:4600', origin: undefined, fetchSite, fetchMode, localAddress: '::1' },
        rules,
      )
    expect(embed('cross-site', 'no-cors')).toThrow(/host or origin/)
    expect(embed('cross-site', 'navigate')).not.toThrow()
    expect(embed('same-origin', 'cors')).not.toThrow()
    expect(embed('none', 'navigate')).not.toThrow()
  })

  it('lets pages of its own origin and of listed hosts ask', () => {
    expect(ask('localhost:4600', 'http://localhost:4600')).not.toThrow()
    expect(ask('localhost', 'http://localhost')).not.toThrow()
    expect(ask('localhost:4600', 'https://perf.example.org')).not.toThrow()
  })

  it.each([
    'http://evil.example',
    'http://localhost:3000',
    'http://127.0.0.1:4600',
    'null',
    'file://',
    'http://localhost:4600.evil.example',
    'http://localhost:4600@evil.example',
    'chrome-extension://localhost:4600',
  ])('refuses the origin %s', origin => {
    expect(ask('localhost:4600', origin)).toThrow(/host or origin/)
  })
})
