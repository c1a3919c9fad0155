const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** As it is short enough to read: of a random name its beginning tells as much. */
export function instanceName(instance: string): string {
  if (instance === '') return 'unnamed'
  return UUID.test(instance) ? instance.slice(0, 8) : instance
}
