import { readVersion } from '../server/read-version.ts'
import { runCli } from './run-cli.ts'

process.exitCode = await runCli(process.argv.slice(2), { version: readVersion(), env: process.env })
