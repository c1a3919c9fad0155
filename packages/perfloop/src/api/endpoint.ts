import type { z } from 'zod'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import type { ApiContext } from './api-context.ts'

/** `public`: no credentials ever. `read`: only when the settings say so. `write`: always. */
export type Access = 'public' | 'read' | 'write'

/** What one request asked, parsed. */
export interface Call<Params, Query, Body> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  /** Counts the queries of this request. */
  readonly telemetry: TelemetryStore
  readonly nowUnixMs: number
  /** Who asks, for the ledger. */
  readonly actor: string
  /** Address of the sender, for the limit on wrong tokens. */
  readonly address: string
}

export interface Answer<Data> {
  readonly data: Data
  readonly target?: { readonly type: string; readonly id: string }
  /** Of a list: rows in all, from which the pagination follows. */
  readonly total?: number
  readonly healthScore?: number
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * One endpoint of the HTTP API as a value: from it follow the route, the validation, the OpenAPI document
 * and the test that calls every one of them.
 */
export interface Endpoint<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Data extends z.ZodType = z.ZodType,
> {
  /** Permanent: `operation` of the envelope and operationId of OpenAPI. */
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below /api/v1, with `:name` for path parameters. */
  readonly path: string
  readonly summary: string
  readonly access: Access
  readonly params?: Params
  readonly query?: Query
  readonly body?: Body
  readonly data: Data
  readonly paginated?: boolean
  /** Status of success where it is not 200. */
  readonly created?: boolean
  answer(
    call: Call<z.output<Params>, z.output<Query>, z.output<Body>>,
    context: ApiContext,
  ): Promise<Answer<z.input<Data>>>
}

export function defineEndpoint<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Data extends z.ZodType,
>(endpoint: Endpoint<Params, Query, Body, Data>): Endpoint<Params, Query, Body, Data> {
  return endpoint
}
