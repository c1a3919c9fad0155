import type { SettingView } from '@perfloop/client'

export interface OtlpAddress {
  readonly http: string
  readonly grpc: string
}

const DEFAULT_HTTP_PORT = 4318
const DEFAULT_GRPC_PORT = 4317

/** Where telemetry is received, by the settings in force, as seen from whoever reads this page. */
export function readOtlpAddress(
  settings: readonly SettingView[] | undefined,
  hostname: string,
): OtlpAddress {
  const port = (key: string, fallback: number): number => {
    const value = settings?.find(setting => setting.key === key)?.value
    return typeof value === 'number' && value > 0 ? value : fallback
  }
  return {
    http: `http://${hostname}:${port('ingest.otlpHttpPort', DEFAULT_HTTP_PORT)}`,
    grpc: `http://${hostname}:${port('ingest.otlpGrpcPort', DEFAULT_GRPC_PORT)}`,
  }
}
