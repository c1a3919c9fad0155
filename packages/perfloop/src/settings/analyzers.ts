import { z } from 'zod'
import { section } from './section.ts'

/** The options of the built-in analyzers, one key per kind. Every threshold they compare with is here. */
export const AnalyzerSettings = section({
  enabled: z
    .record(z.string(), z.boolean())
    .default({})
    .describe('Analyzers switched off (false) by kind.'),
})
