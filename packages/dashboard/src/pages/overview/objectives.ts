import type { SettingView } from '@perfloop/client'

/** Where the key figures should be. From the settings; without a setting there is no target. */
export interface Objectives {
  readonly p50Ns: number | undefined
  readonly p95Ns: number | undefined
  readonly errorRatio: number | undefined
}

export function readObjectives(settings: readonly SettingView[] | undefined): Objectives {
  const read = (key: string, scale: number): number | undefined => {
    const value = settings?.find(setting => setting.key === key)?.value
    return typeof value === 'number' ? value * scale : undefined
  }
  return {
    p50Ns: read('objectives.p50Ms', 1e6),
    p95Ns: read('objectives.p95Ms', 1e6),
    errorRatio: read('objectives.errorRatio', 1),
  }
}

export function judge(
  value: number | undefined,
  objective: number | undefined,
): 'met' | 'missed' | undefined {
  if (value === undefined || objective === undefined) return undefined
  return value <= objective ? 'met' : 'missed'
}
