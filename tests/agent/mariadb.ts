import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../perfloop-process.ts'
import { freePort } from './free-port.ts'

export interface MariaDb extends AsyncDisposable {
  readonly url: string
  /** Statements that the server has logged, one a line: `Query SELECT 1`, `Execute SELECT 1`. */
  logged(): string[]
}

/** The system's own. */
const server = ['/usr/sbin/mariadbd', '/usr/bin/mariadbd'].find(existsSync)

/** `.ci/run` installs it; elsewhere what needs it is skipped, and `npm test` says so. */
export const isMariaDbMissing =
  process.env.PERFLOOP_TEST_NOTHING_SKIPPED === undefined && server === undefined

export async function startMariaDb(): Promise<MariaDb> {
  if (server === undefined) throw new Error('MariaDB is not installed here')
  const directory = mkdtempSync(join(tmpdir(), 'perfloop-mariadb-'))
  const data = join(directory, 'data')
  const log = join(directory, 'general.log')
  const user = `--user=${userInfo().username}`
  const prepared = spawnSync('mariadb-install-db', [
    '--no-defaults',
    `--datadir=${data}`,
    user,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ])
  if (prepared.status !== 0) throw new Error(`mariadb-install-db: ${prepared.stderr}`)
  const port = await freePort()
  const child = spawn(
    server,
    [
      '--no-defaults',
      `--datadir=${data}`,
      user,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(directory, 'socket')}`,
      `--pid-file=${join(directory, 'pid')}`,
      '--general-log=1',
      `--general-log-file=${log}`,
      '--innodb-buffer-pool-size=16M',
      '--skip-name-resolve',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let told = ''
  child.stderr.on('data', chunk => {
    told += chunk
  })
  const ended = new Promise(resolve => child.on('exit', resolve))
  await eventually(
    'MariaDB',
    async () => {
      if (child.exitCode !== null) throw new Error(told)
      return told.includes('ready for connections') ? true : undefined
    },
    30_000,
  )
  return {
    url: `mysql://root@127.0.0.1:${port}/mysql`,
    logged: () =>
      [...readFileSync(log, 'utf8').matchAll(/^[^\t]*\t+ *\d+ (Query|Execute)\t(.*)$/gm)].map(
        ([, kind, text]) => `${kind} ${text}`,
      ),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
