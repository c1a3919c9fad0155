/** What the parent asks of the store process. One message, one answer, matched by `id`. */
export type ChdbRequest =
  | {
      readonly kind: 'open'
      readonly id: number
      readonly path: string
      readonly sessions: number
      readonly connectionArgs: readonly string[]
    }
  | { readonly kind: 'run'; readonly id: number; readonly session: number; readonly sql: string }
  | { readonly kind: 'close'; readonly id: number }

export type ChdbAnswer =
  | { readonly kind: 'done'; readonly id: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'failed'
      readonly id: number
      readonly message: string
      /** ClickHouse's number of the exception, where there is one. */
      readonly clickhouseCode: number | undefined
      /** True when the library itself could not be loaded. */
      readonly missing: boolean
    }
