import { clockMs, setImmediate, setTimeout } from '../own-clock.ts'

const LOOK_EVERY_MS = 50
const LOOK_CLOSELY_MS = 5_000
const LOOK_SELDOM_MS = 1_000

/**
 * Calls `patch` soon after the application has loaded a module of Node. `import` of one passes no function of
 * JavaScript, and to load it ourselves would print the warning that it is experimental, so we look whether it is there.
 */
export function whenBuiltinIsLoaded(
  name: string,
  patch: (exports: object) => void,
  report: (where: string, error: unknown) => void,
): void {
  const { moduleLoadList, getBuiltinModule } = process as NodeJS.Process & {
    readonly moduleLoadList?: readonly string[]
    getBuiltinModule?(name: string): object | undefined
  }
  if (getBuiltinModule === undefined || !Array.isArray(moduleLoadList)) return
  const beganAtMs = clockMs()
  let seen = 0
  const look = () => {
    try {
      // The list only grows.
      const isLoaded = moduleLoadList.includes(`NativeModule ${name}`, seen)
      seen = moduleLoadList.length
      if (isLoaded) {
        const exports = getBuiltinModule(`node:${name}`)
        if (exports !== undefined) patch(exports)
        return
      }
      const isYoung = clockMs() - beganAtMs < LOOK_CLOSELY_MS
      setTimeout(look, isYoung ? LOOK_EVERY_MS : LOOK_SELDOM_MS).unref()
    } catch (error) {
      report(`instrumenting node:${name}`, error)
    }
  }
  setImmediate(look).unref()
}
