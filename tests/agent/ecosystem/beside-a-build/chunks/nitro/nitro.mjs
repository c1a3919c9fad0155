globalThis.loaded = [...(globalThis.loaded ?? []), 'the chunk']

export {}
