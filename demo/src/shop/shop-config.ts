import { type Fault, parseFaults } from './faults.ts'

export interface ShopConfig {
  readonly databaseUrl: string
  /** 0: any free one. */
  readonly port: number
  readonly faults: readonly Fault[]
}

/** The shop is configured as any twelve-factor application: by its environment. */
export function readShopConfig(env: Readonly<Record<string, string | undefined>>): ShopConfig {
  const databaseUrl = env.DATABASE_URL
  if (databaseUrl === undefined) throw new Error('DATABASE_URL is not set')
  return {
    databaseUrl,
    port: Number(env.PORT ?? 0),
    faults: parseFaults(env.SHOP_FAULTS ?? 'all'),
  }
}
