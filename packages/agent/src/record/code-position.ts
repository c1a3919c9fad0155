/** More lines than a file has. */
const LINES = 2 ** 24

/** Line and column in one number, as spans hold them: what a bundler has written is often a single line. */
export function codePosition(line: number, column: number): number {
  return column * LINES + line
}

export function lineOf(position: number): number {
  return position % LINES
}

/** 0 where it is not known. */
export function columnOf(position: number): number {
  return Math.floor(position / LINES)
}
