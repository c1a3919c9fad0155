import { section } from './section.ts'

/** Policy and limits of changes. */
export const OptimizerSettings = section({})
