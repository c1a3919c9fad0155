/** How deep stacks are from now on. False where the host has frozen `Error`: then they stay as deep as they are. */
export function limitStacks(frames: number): boolean {
  try {
    Error.stackTraceLimit = frames
    return true
  } catch {
    return false
  }
}

interface CallSite {
  readonly scriptName: string
  readonly lineNumber: number
}

type GetCallSites = (frames: number) => readonly CallSite[]

/**
 * Frames as lines of a stack, innermost first, however deep the host lets stacks be. None before Node 22.12, and none of
 * those that wait for what is running now.
 */
export function callSites(frames: number): readonly string[] {
  const { getBuiltinModule } = process as {
    getBuiltinModule?(name: string): { readonly getCallSites?: GetCallSites }
  }
  const sites = getBuiltinModule?.('node:util').getCallSites?.(frames) ?? []
  return sites.map(({ scriptName, lineNumber }) => `    at ${scriptName}:${lineNumber}:0`)
}
