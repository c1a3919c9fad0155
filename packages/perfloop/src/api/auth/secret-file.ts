import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface SecretFile {
  readonly secret: string
  /** True when this call made it: the admin token is shown once. */
  readonly isNew: boolean
  readonly file: string
}

/** A secret of a data directory, made at its first start and readable by its owner only. */
export function openSecretFile(dataDirectory: string, name: string): SecretFile {
  const file = join(dataDirectory, name)
  mkdirSync(dataDirectory, { recursive: true })
  const secret = randomBytes(32).toString('base64url')
  try {
    // `wx` refuses an existing file, so that two starts at once cannot make two secrets.
    writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: 'wx' })
    return { secret, isNew: true, file }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  chmodSync(file, 0o600)
  const kept = readFileSync(file, 'utf8').trim()
  if (kept.length > 0) return { secret: kept, isNew: false, file }
  // A crash between creating and writing left it empty.
  writeFileSync(file, `${secret}\n`, { mode: 0o600 })
  return { secret, isNew: true, file }
}
