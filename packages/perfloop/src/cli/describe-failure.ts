import { ERRORS, PerfloopError } from '../domain/perfloop-error.ts'

/** What went wrong, why it usually does and what to do; the stack only for those who ask (PERFLOOP_DEBUG). */
export function describeFailure(
  error: unknown,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const stack = env.PERFLOOP_DEBUG && error instanceof Error ? `\n\n${error.stack}` : ''
  if (!(error instanceof PerfloopError)) {
    return `perfloop: ${error instanceof Error ? error.message : String(error)}${stack}`
  }
  const { cause, cure } = ERRORS[error.code]
  const details = Object.entries(error.details)
    .filter(([, value]) => value !== undefined && value !== null)
    .flatMap(([key, value]) =>
      Array.isArray(value) ? value.map(item => `  ${item}`) : `  ${key}: ${text(value)}`,
    )
  return [
    `perfloop: ${error.message} (${error.code})`,
    ...details,
    `Usual cause: ${cause}`,
    `What to do:  ${cure}${stack}`,
  ].join('\n')
}

function text(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
