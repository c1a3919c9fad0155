import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'

export const hasRedisServer = spawnSync('redis-server', ['--version']).status === 0

export interface RedisServer extends AsyncDisposable {
  readonly port: number
  /** How often each command was called, as the server counts. */
  calls(): Readonly<Record<string, number>>
}

/** Debian's, in memory, on a port that was free a moment ago. */
export async function startRedisServer(): Promise<RedisServer> {
  const port = await freePort()
  const directory = mkdtempSync(join(tmpdir(), 'perfloop-redis-'))
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', chunk => {
      if (String(chunk).includes('Ready to accept connections')) resolve()
    })
    child.on('exit', code => reject(new Error(`redis-server ended with ${code}`)))
  })
  return {
    port,
    calls() {
      const { stdout } = spawnSync('redis-cli', ['-p', String(port), 'info', 'commandstats'])
      const lines = String(stdout).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)
      return Object.fromEntries([...lines].map(([, name, calls]) => [name, Number(calls)]))
    },
    async [Symbol.asyncDispose]() {
      const exited = new Promise(resolve => child.on('exit', resolve))
      child.kill()
      await exited
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
