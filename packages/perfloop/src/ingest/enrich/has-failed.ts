import { KIND_CLIENT, KIND_SERVER } from './span-facts.ts'

const STATUS_UNSET = 0
const STATUS_ERROR = 2
const CLIENT_FAILURE = 400
const SERVER_FAILURE = 500
const NO_HTTP = 600

/** By the semantic conventions for HTTP spans, as the column `is_failed` of the store says (schema/0001-spans.sql). */
export function hasFailed(kind: number, status: number, statusCode: number): boolean {
  const isServer = kind === KIND_SERVER
  if (statusCode >= CLIENT_FAILURE && statusCode < NO_HTTP) {
    if (isServer && statusCode < SERVER_FAILURE) return false
    if (status === STATUS_UNSET && (isServer || kind === KIND_CLIENT)) return true
  }
  return status === STATUS_ERROR
}
