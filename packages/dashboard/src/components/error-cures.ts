import { ERRORS } from 'perfloop/internal/domain/perfloop-error'

export function findCure(code: string): string | undefined {
  const entry = Object.entries(ERRORS).find(([name]) => name === code)
  return entry?.[1].cure
}
