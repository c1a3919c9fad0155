import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defaultSettings } from '../../settings/settings.ts'
import { AccessControl } from './access-control.ts'
import { AttemptLimit } from './attempt-limit.ts'
import { openSecretFile } from './secret-file.ts'
import { createSession, isValidSession, readCookie } from './session.ts'

const TOKEN = 'right-token'
const settings = { ...defaultSettings().server, failedTokensPerMinute: 3 }
const NOW = 1_700_000_000_000

describe('access', () => {
  it('lets anybody read on loopback, and nobody write without the token', () => {
    const access = new AccessControl(TOKEN, settings)
    expect(access.authenticate({}, 'read', 'a', NOW)).toBe('anonymous')
    expect(() => access.authenticate({}, 'write', 'a', NOW)).toThrow(/token or session/)
    const headers = { authorization: `Bearer ${TOKEN}` }
    expect(access.authenticate(headers, 'write', 'a', NOW)).toBe('admin')
  })

  it('asks for the token on reads beyond loopback, unless the settings say otherwise', () => {
    const beyond = { ...settings, host: '0.0.0.0' }
    expect(() => new AccessControl(TOKEN, beyond).authenticate({}, 'read', 'a', NOW)).toThrow()
    const open = new AccessControl(TOKEN, { ...beyond, requireTokenForReads: false })
    expect(open.authenticate({}, 'read', 'a', NOW)).toBe('anonymous')
    const closed = new AccessControl(TOKEN, { ...settings, requireTokenForReads: true })
    expect(() => closed.authenticate({}, 'read', 'a', NOW)).toThrow()
    expect(closed.authenticate({}, 'public', 'a', NOW)).toBe('anonymous')
  })

  it('takes a session for the token, until it expires or the token changes', () => {
    const access = new AccessControl(TOKEN, settings)
    const { cookie, expiresUnixMs } = access.signIn(TOKEN, 'a', NOW)
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict/)
    const headers = { cookie: `other=1; ${cookie.split(';', 1)[0]}` }
    expect(access.authenticate(headers, 'write', 'a', NOW)).toBe('admin')
    expect(() => access.authenticate(headers, 'write', 'a', expiresUnixMs)).toThrow()
    const other = new AccessControl('new-token', settings)
    expect(() => other.authenticate(headers, 'write', 'a', NOW)).toThrow()
  })

  it('tells an address with too many wrong tokens to wait, and nobody else', () => {
    const access = new AccessControl(TOKEN, settings)
    const guess = (address: string, now = NOW) => {
      try {
        access.authenticate({ authorization: 'Bearer wrong' }, 'read', address, now)
        return undefined
      } catch (error) {
        return error
      }
    }
    for (let n = 0; n < 3; n++) expect(guess('a')).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(guess('a')).toMatchObject({
      code: 'TOO_MANY_ATTEMPTS',
      details: { retry_after_seconds: 60 },
    })
    expect(guess('b')).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(guess('a', NOW + 60_000)).toMatchObject({ code: 'UNAUTHENTICATED' })
    const headers = { authorization: `Bearer ${TOKEN}` }
    expect(access.authenticate(headers, 'write', 'a', NOW)).toBe('admin')
  })
})

describe('a session', () => {
  it('is not valid with another time or another signature', () => {
    const session = createSession(TOKEN, NOW + 1)
    expect(isValidSession(session, TOKEN, NOW)).toBe(true)
    expect(isValidSession(session.replace(/^\d+/, String(NOW + 99)), TOKEN, NOW)).toBe(false)
    expect(isValidSession(`${NOW + 1}.`, TOKEN, NOW)).toBe(false)
    expect(isValidSession('nonsense', TOKEN, NOW)).toBe(false)
  })

  it('is found among other cookies', () => {
    expect(readCookie('a=1; b=x=y', 'b')).toBe('x=y')
    expect(readCookie(undefined, 'b')).toBeUndefined()
  })
})

describe('the limit on attempts', () => {
  it('forgets the oldest address rather than grow without bound', () => {
    const limit = new AttemptLimit(1)
    for (let n = 0; n <= 10_000; n++) limit.countFailure(`address-${n}`, NOW)
    expect(limit.waitSeconds('address-0', NOW)).toBe(0)
    expect(limit.waitSeconds('address-10000', NOW)).toBe(60)
  })
})

describe('a secret file', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'perfloop-secret-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  it('is made once, for its owner only, and kept', () => {
    const first = openSecretFile(join(directory, 'data'), 'admin-token')
    expect(first.isNew).toBe(true)
    expect(first.secret).toMatch(/^[\w-]{43}$/)
    expect(statSync(first.file).mode & 0o777).toBe(0o600)
    expect(openSecretFile(join(directory, 'data'), 'admin-token')).toEqual({
      ...first,
      isNew: false,
    })
  })

  it('is made anew when a crash left it empty, and closed when somebody opened it', () => {
    writeFileSync(join(directory, 'admin-token'), '', { mode: 0o644 })
    const opened = openSecretFile(directory, 'admin-token')
    expect(opened.isNew).toBe(true)
    expect(statSync(opened.file).mode & 0o777).toBe(0o600)
  })
})
