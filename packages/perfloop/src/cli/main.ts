import { readVersion } from '../server/read-version.ts'
import { runCli } from './run-cli.ts'

// Whoever reads what is printed may have seen enough (`| head`): that is no reason to stop serving.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', error => {
    const isEnough = 'code' in error && error.code === 'EPIPE'
    if (!isEnough) process.exitCode = 1
  })
}

process.exitCode = await runCli(process.argv.slice(2), { version: readVersion(), env: process.env })
