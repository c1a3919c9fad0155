globalThis.loaded = [...(globalThis.loaded ?? []), 'the manifest']

export const manifest = { mimeTypes: {}, _: { routes: [], matchers: {} } }
