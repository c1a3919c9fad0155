const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** Lengths of the beginnings of a UUID that end with a group of it. */
const GROUP_ENDS = [8, 13, 18, 23, 36] as const

/** As it is short enough to read: of a random name as much of its beginning as tells it from the others. */
export function instanceName(instance: string, others: readonly string[]): string {
  if (instance === '') return 'unnamed'
  if (!UUID.test(instance)) return instance
  const end = GROUP_ENDS.find(
    length =>
      !others.some(
        other => other !== instance && other.slice(0, length) === instance.slice(0, length),
      ),
  )
  return instance.slice(0, end)
}
