/** Replaces a method by what `make` makes of it. It keeps its name and its number of parameters. */
export function wrapMethod<Owner extends object, Name extends keyof Owner & string>(
  owner: Owner,
  name: Name,
  make: (original: Extract<Owner[Name], (...args: never[]) => unknown>) => Owner[Name],
): void {
  const original = owner[name]
  if (typeof original !== 'function') throw new TypeError(`there is no method ${name}`)
  const wrapped = make(original as Extract<Owner[Name], (...args: never[]) => unknown>)
  Object.defineProperty(wrapped, 'name', { value: original.name, configurable: true })
  Object.defineProperty(wrapped, 'length', { value: original.length, configurable: true })
  // The descriptor stays, so that what lists or freezes properties sees what it saw.
  Object.defineProperty(owner, name, {
    configurable: true,
    enumerable: isEnumerable(owner, name),
    writable: true,
    value: wrapped,
  })
}

function isEnumerable(owner: object, name: string): boolean {
  for (let at: object | null = owner; at !== null; at = Object.getPrototypeOf(at)) {
    const descriptor = Object.getOwnPropertyDescriptor(at, name)
    if (descriptor !== undefined) return descriptor.enumerable === true
  }
  return true
}
