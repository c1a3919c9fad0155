import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
}
const COMPRESSED = /^(?:text\/|application\/(?:json|manifest)|image\/svg)/
const HASHED = /^assets\/.*-[\w-]{8,}\.\w+$/
const BROTLI_QUALITY = 7

export type Encoding = 'br' | 'gzip' | 'identity'

export interface StaticFile {
  readonly type: string
  readonly etag: string
  /** Files with their hash in the name never change; index.html always may. */
  readonly cacheControl: string
  body(encoding: Encoding): Promise<Buffer>
}

/**
 * The files of a folder as they were at start, read and compressed once, when first asked for. Only what is
 * in the list can be served, so there is no path to climb out of.
 */
export class StaticFiles {
  readonly #directory: string
  readonly #names: ReadonlySet<string>
  readonly #files = new Map<string, Promise<StaticFile>>()

  constructor(directory: string) {
    this.#directory = directory
    this.#names = new Set(existsSync(directory) ? listFiles(directory) : [])
  }

  find(name: string): Promise<StaticFile> | undefined {
    if (!this.#names.has(name)) return undefined
    let file = this.#files.get(name)
    if (file === undefined) {
      file = readStaticFile(join(this.#directory, name), name)
      this.#files.set(name, file)
    }
    return file
  }
}

export function chooseEncoding(accepted: string | undefined, type: string): Encoding {
  if (accepted === undefined || !COMPRESSED.test(type)) return 'identity'
  if (/\bbr\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(accepted)) return 'br'
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(accepted) ? 'gzip' : 'identity'
}

function listFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(directory, join(entry.parentPath, entry.name)).split(sep).join('/'))
}

async function readStaticFile(path: string, name: string): Promise<StaticFile> {
  const plain = await readFile(path)
  const bodies = new Map<Encoding, Promise<Buffer>>([['identity', Promise.resolve(plain)]])
  return {
    type: TYPES[extname(name)] ?? 'application/octet-stream',
    etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
    cacheControl: HASHED.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
    body(encoding) {
      let body = bodies.get(encoding)
      if (body === undefined) {
        body = compress(plain, encoding)
        bodies.set(encoding, body)
      }
      return body
    },
  }
}

function compress(plain: Buffer, encoding: Encoding): Promise<Buffer> {
  if (encoding === 'gzip') return promisify(gzip)(plain)
  return promisify(brotliCompress)(plain, {
    params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY },
  })
}
