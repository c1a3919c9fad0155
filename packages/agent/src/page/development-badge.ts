import { readFileSync } from 'node:fs'
import http, { type IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { Agent } from '../agent.ts'
import { wrapMethod } from '../instrument/wrap-method.ts'
import { OWN_FOLDER } from '../own-place.ts'
import { noncesOf, scriptIsAllowed } from './script-policy.ts'

export const BADGE_PATH = '/__perfloop/badge.js'
const BADGE_FILE = new URL('badge.js', OWN_FOLDER)

/** What a response that may get the badge has come to; the others have none of this. */
const BADGE = Symbol('perfloop.badge')

interface BadgedResponse extends ServerResponse {
  [BADGE]?: { tag: Buffer | undefined }
}

type Method = (this: BadgedResponse, ...args: unknown[]) => unknown
type Emit = (this: unknown, event: string | symbol, ...args: unknown[]) => boolean

/**
 * Shows in each page what its requests cost, while it is developed: a script tag behind the end of the HTML, from a path that the
 * agent answers. Only what a browser opens as a page gets it, uncompressed HTML whose policy lets the script run; the rest
 * of every answer stays as it is, streamed or not.
 */
export function addBadge(agent: Agent, dashboardUrl: string): void {
  for (const { prototype } of [http.Server, https.Server] as { prototype: { emit: unknown } }[]) {
    wrapMethod(prototype as { emit: Emit }, 'emit', emit => {
      return function (event, ...args) {
        const request = args[0] as IncomingMessage | undefined
        if (event !== 'request' || request?.url !== BADGE_PATH)
          return emit.call(this, event, ...args)
        answerScript(agent, args[1] as ServerResponse)
        return true
      }
    })
  }

  const decide = (response: BadgedResponse, given: unknown): unknown => {
    const { req: request } = response
    if (request?.method !== 'GET' || request.headers['sec-fetch-dest'] !== 'document') return given
    if (response[BADGE] !== undefined) return given
    const badge: { tag: Buffer | undefined } = { tag: undefined }
    response[BADGE] = badge
    const header = (name: string) => headerOf(response, given, name)
    // Raw lists of headers are rare, and not ours to mend.
    if (Array.isArray(given) || WITHOUT_BODY.has(response.statusCode)) return given
    if (!/^text\/html\b/i.test(header('content-type') ?? '')) return given
    if (header('content-encoding') !== undefined) return given
    const policy = header('content-security-policy')
    if (!scriptIsAllowed(policy)) return given
    const tag = Buffer.from(scriptTag(dashboardUrl, noncesOf(policy)[0]))
    badge.tag = tag
    return withLonger(response, given, tag.length)
  }

  const prototype = ServerResponse.prototype as unknown as { writeHead: Method; end: Method }
  wrapMethod(prototype, 'writeHead', writeHead => {
    return function (...args) {
      let sent = args
      try {
        if (!this.headersSent) {
          const at = typeof args[1] === 'string' ? 2 : 1
          if (typeof args[0] === 'number') this.statusCode = args[0]
          const headers = decide(this, args[at])
          if (headers !== args[at]) sent = args.with(at, headers)
        }
      } catch (error) {
        agent.report('adding the badge', error)
      }
      return writeHead.apply(this, sent)
    }
  })
  wrapMethod(prototype, 'end', end => {
    return function (...args) {
      let sent = args
      try {
        if (!this.headersSent) decide(this, undefined)
        const tag = this[BADGE]?.tag
        if (tag !== undefined && !this.writableEnded) sent = appended(args, tag)
      } catch (error) {
        agent.report('adding the badge', error)
      }
      return end.apply(this, sent)
    }
  })
}

const WITHOUT_BODY = new Set([204, 205, 206, 304])

function headerOf(response: ServerResponse, given: unknown, name: string): string | undefined {
  const own = Object.entries((given ?? {}) as Readonly<Record<string, unknown>>)
  const found = own.findLast(([key]) => key.toLowerCase() === name)?.[1] ?? response.getHeader(name)
  return found === undefined ? undefined : String(found)
}

/** A length that was told must be that of what is sent. */
function withLonger(response: ServerResponse, given: unknown, more: number): unknown {
  const isLength = (key: string) => key.toLowerCase() === 'content-length'
  const own = Object.entries((given ?? {}) as Readonly<Record<string, unknown>>)
  if (own.some(([key]) => isLength(key))) {
    return Object.fromEntries(
      own.map(([key, value]) => [key, isLength(key) ? Number(value) + more : value]),
    )
  }
  const length = response.getHeader('content-length')
  if (length !== undefined) response.setHeader('content-length', Number(length) + more)
  return given
}

/** `end(chunk, encoding, callback)`, each of which may be left out. */
function appended(args: readonly unknown[], tag: Buffer): unknown[] {
  const callback = args.find(argument => typeof argument === 'function')
  const [chunk, encoding] = args
  const last =
    typeof chunk === 'string'
      ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
      : chunk instanceof Uint8Array
        ? chunk
        : undefined
  const body = last === undefined ? tag : Buffer.concat([last, tag])
  return callback === undefined ? [body] : [body, callback]
}

function scriptTag(dashboardUrl: string, nonce: string | undefined): string {
  const own = nonce === undefined ? '' : ` nonce="${nonce}"`
  return `\n<script src="${BADGE_PATH}" data-dashboard="${dashboardUrl}" async${own}></script>\n`
}

let script: Buffer | undefined

function answerScript(agent: Agent, response: ServerResponse): void {
  try {
    script ??= readFileSync(BADGE_FILE)
    response.writeHead(200, {
      'content-type': 'text/javascript; charset=utf-8',
      'content-length': script.length,
      'cache-control': 'no-cache',
    })
    response.end(script)
  } catch (error) {
    agent.report('answering the script of the badge', error)
    response.destroy()
  }
}
