import { createHash } from 'node:crypto'

/** Who sent it, read out of the attributes of its resource (values are JSON texts). */
export interface ResourceIdentity {
  readonly id: string
  readonly environment: string
  readonly service: string
  readonly instance: string
}

export type ResourceAttributes = readonly (readonly [key: string, json: string])[]

/** `environment` of an ingest token wins over what the sender says of itself. */
export function identifyResource(
  attributes: ResourceAttributes,
  tokenEnvironment: string | undefined,
  defaultEnvironment: string,
): ResourceIdentity {
  const values = new Map(attributes)
  const text = (key: string) => textOfJson(values.get(key))

  const environment =
    tokenEnvironment ??
    text('deployment.environment.name') ??
    text('deployment.environment') ??
    defaultEnvironment
  const service = text('service.name') ?? 'unknown_service'
  return {
    id: resourceId(environment, attributes),
    environment,
    service,
    instance: instanceOf(text),
  }
}

function instanceOf(text: (key: string) => string | undefined): string {
  const own = text('service.instance.id') ?? text('k8s.pod.name')
  if (own !== undefined) return own
  const host = text('host.name') ?? text('container.id') ?? ''
  const pid = text('process.pid')
  return pid === undefined ? host : `${host}:${pid}`
}

/** Strings without their quotes, numbers as they are written; undefined for what is absent or empty. */
function textOfJson(json: string | undefined): string | undefined {
  if (json === undefined || json === '""' || json === 'null') return undefined
  if (!json.startsWith('"')) return json
  const value: unknown = JSON.parse(json)
  return String(value)
}

function resourceId(environment: string, attributes: ResourceAttributes): string {
  const sorted = [...attributes].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
  return contentId([environment, sorted])
}

/** The identity of stored content: 16 hex digits, equal on every machine and after every restart. */
export function contentId(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16)
}
