export interface StackFrame {
  readonly name: string
  /** A path, or `node:…`; empty where there is none. */
  readonly file: string
  /** 0 where it is not known. */
  readonly line: number
}

/** Frames of a stack as V8 writes it, innermost first: `at name (file:line:column)` or `at file:line:column`. */
export function readStack(stack: string): StackFrame[] {
  const frames: StackFrame[] = []
  for (const line of stack.split('\n')) {
    const text = line.trim()
    if (!text.startsWith('at ')) continue
    const bracket = text.lastIndexOf(' (')
    const isNamed = bracket >= 0 && text.endsWith(')')
    // Code outside of functions that waits has no name but this word.
    const place = isNamed ? text.slice(bracket + 2, -1) : text.slice(3).replace(/^async /, '')
    const [, file = '', at = '0'] = /^(.*?):(\d+):\d+$/.exec(place) ?? []
    const name = isNamed ? text.slice(3, bracket) : ''
    frames.push({ name: name.replace(/^async /, ''), file: asPath(file), line: Number(at) })
  }
  return frames
}

/** Whether it is of the application itself: neither of a package nor of Node. */
export function isOfApplication({ file }: StackFrame): boolean {
  return file !== '' && !file.startsWith('node:') && !file.includes('node_modules')
}

export function asPath(url: string): string {
  return url.startsWith('file://') ? url.slice('file://'.length) : url
}
