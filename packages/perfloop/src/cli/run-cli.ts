import { Command, CommanderError } from 'commander'
import { COMMANDS } from './commands.ts'
import { describeFailure } from './describe-failure.ts'

export interface CliEnvironment {
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Not 1: a gate must tell a wrong command line from one that found something. */
const MISUSE = 2

/** Runs one command line and answers its exit code; failures are said in words, without a stack. */
export async function runCli(
  args: readonly string[],
  { version, env }: CliEnvironment,
): Promise<number> {
  const program = new Command('perfloop')
    .description('Finds what makes web applications slow, fixes it when allowed to, and proves it.')
    .version(version)
    .exitOverride()
    .showHelpAfterError()
  for (const register of COMMANDS) register(program)
  for (const command of program.commands) command.exitOverride()
  try {
    await program.parseAsync(args, { from: 'user' })
    return typeof process.exitCode === 'number' ? process.exitCode : 0
  } catch (error) {
    // Help, version and misuse have been printed by commander.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : MISUSE
    process.stderr.write(`${describeFailure(error, env)}\n`)
    return 1
  }
}
