import type { OptimizationKind } from '../optimizer/optimization.ts'
import { createIndex } from './create-index/create-index.ts'

export const OPTIMIZATION_KINDS: readonly OptimizationKind[] = [createIndex]
