import { spawn } from 'node:child_process'

const OPENERS: Readonly<Record<string, readonly string[]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
  linux: ['xdg-open'],
}

/** Opens the address in the user's browser if there is one; a machine without is no error. */
export function openBrowser(
  url: string,
  env: Readonly<Record<string, string | undefined>>,
  platform: string,
): boolean {
  const [command, ...args] = OPENERS[platform] ?? []
  const hasScreen = platform !== 'linux' || Boolean(env.DISPLAY ?? env.WAYLAND_DISPLAY)
  if (command === undefined || !hasScreen) return false
  const opener = spawn(command, [...args, url], { detached: true, stdio: 'ignore' })
  opener.on('error', () => {})
  opener.unref()
  return true
}
