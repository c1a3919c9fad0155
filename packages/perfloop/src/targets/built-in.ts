import type { TargetKind } from '../optimizer/target.ts'
import { postgresTarget } from './postgres/postgres-target.ts'
import { sqliteTarget } from './sqlite/sqlite-target.ts'

export const TARGET_KINDS: readonly TargetKind[] = [postgresTarget, sqliteTarget]
