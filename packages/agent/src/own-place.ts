// The agent is built into few files side by side: what is found beside its sources is found beside these, too.

/** The folder of the agent itself, which may be linked from anywhere. */
export const OWN_FOLDER = new URL('.', import.meta.url)
export const OWN_PACKAGE = new URL('../package.json', import.meta.url)
