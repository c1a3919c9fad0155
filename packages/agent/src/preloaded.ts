import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread, workerData } from 'node:worker_threads'

/** Whether `own`, a file of ours, is what `node --import` or `--require` has loaded, and not an import in code. */
export function isPreloaded(own: string): boolean {
  if (isExportThread()) return false
  const ownPath = fileURLToPath(own)
  const options = process.env.NODE_OPTIONS ?? ''
  // Node takes quotes in it, for paths with spaces.
  const given = [...options.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)].map(
    ([, quoted, plain]) => quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '',
  )
  return [...process.execArgv, ...given].some(argument => isOurs(argument, ownPath))
}

function isOurs(argument: string, ownPath: string): boolean {
  if (argument.includes('@perfloop/agent')) return true
  const value = argument.startsWith('--') ? argument.slice(argument.indexOf('=') + 1) : argument
  try {
    const path = value.startsWith('file:') ? fileURLToPath(value) : resolve(value)
    return path === ownPath || realpathSync(path) === ownPath
  } catch {
    // No file: another option.
    return false
  }
}

function isExportThread(): boolean {
  if (isMainThread || typeof workerData !== 'object' || workerData === null) return false
  return (workerData as { perfloopExport?: true }).perfloopExport === true
}
