/**
 * Calls `pass` over and over, with a pause after each, never twice at once. `stop` waits for the pass
 * under way.
 */
export interface Lane {
  stop(): Promise<void>
}

export function startLane(pauseMs: number, pass: () => Promise<void>): Lane {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  const next = () => {
    if (stopped) return
    running = pass().finally(() => {
      if (!stopped) timer = setTimeout(next, pauseMs)
    })
  }
  timer = setTimeout(next, pauseMs)
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
