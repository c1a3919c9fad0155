import type { Command } from 'commander'
import { registerCheck } from './check.ts'
import { registerDemo } from './demo.ts'
import { registerLab } from './lab.ts'
import { registerServe } from './serve.ts'

/**
 * Every command of `perfloop`. A command's file declares its options and loads what does the work only when
 * it is called, so that `--help` costs nothing.
 */
export const COMMANDS: readonly ((program: Command) => void)[] = [
  registerCheck,
  registerDemo,
  registerLab,
  registerServe,
]
