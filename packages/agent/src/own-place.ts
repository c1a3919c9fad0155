import { fileURLToPath } from 'node:url'

// The agent is built into few files side by side: what is found beside its sources is found beside these, too.

/** The folder of the agent itself, which may be linked from anywhere. */
export const OWN_FOLDER = new URL('.', import.meta.url)
export const OWN_PACKAGE = new URL('../package.json', import.meta.url)

const OWN_PATH = fileURLToPath(OWN_FOLDER)

/** Whether a line of a stack is of the agent's own code: ES modules are told by their URL, others by their path. */
export function isOwnFrame(line: string): boolean {
  return line.includes(OWN_FOLDER.href) || line.includes(OWN_PATH)
}
