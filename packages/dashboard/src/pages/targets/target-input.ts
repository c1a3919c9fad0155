import type { TargetInput } from '@perfloop/client'

export const KINDS = [
  { value: 'postgres', label: 'PostgreSQL' },
  { value: 'sqlite', label: 'SQLite' },
] as const
export type TargetKind = (typeof KINDS)[number]['value']

export function toTargetInput(kind: TargetKind, form: FormData): TargetInput {
  const text = (name: string): string => String(form.get(name) ?? '').trim()
  return {
    kind,
    name: text('name'),
    environment: text('environment'),
    services: text('services')
      .split(',')
      .map(service => service.trim())
      .filter(service => service !== ''),
    options: kind === 'postgres' ? { url: text('address') } : { file: text('address') },
  }
}
