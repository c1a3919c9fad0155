import { z } from 'zod'
import { defaultSettings, Settings } from './settings.ts'

export interface SettingDescription {
  /** Dotted path, such as `ingest.spool.maxBytes`. */
  readonly key: string
  /** Environment variable, such as `PERFLOOP_INGEST_SPOOL_MAX_BYTES`. */
  readonly variable: string
  readonly description: string
  readonly defaultValue: unknown
  /** The value must not be shown: passwords and URLs that may carry one. */
  readonly secret: boolean
}

/** Every setting, in the order of the schema: what files, variables, flags, docs and screens are made from. */
export function describeSettings(): readonly SettingDescription[] {
  return leaves(Settings, [], defaultSettings())
}

function leaves(
  schema: z.ZodType,
  path: readonly string[],
  defaults: unknown,
): SettingDescription[] {
  const inner = withoutPrefault(schema)
  if (inner instanceof z.ZodObject) {
    const shape: Record<string, z.ZodType> = inner.shape
    return Object.entries(shape).flatMap(([name, part]) =>
      leaves(part, [...path, name], (defaults as Record<string, unknown>)[name]),
    )
  }
  return [
    {
      key: path.join('.'),
      variable: `PERFLOOP_${path.map(toScreamingSnake).join('_')}`,
      description: schema.description ?? '',
      defaultValue: defaults,
      secret: schema.meta()?.secret === true,
    },
  ]
}

function withoutPrefault(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodPrefault ? (schema.def.innerType as z.ZodType) : schema
}

function toScreamingSnake(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toUpperCase()
}
