import { useQuery } from '@tanstack/react-query'
import { targetsQuery } from '../api/queries.ts'
import { toWords } from '../format/label.ts'

/** What a component of Perfloop's health is called: a target by the name that somebody gave it. */
export function useComponentName(): (component: string) => string {
  const { data: targets } = useQuery(targetsQuery())
  return component => {
    const id = /^target:(.*)$/.exec(component)?.[1]
    if (id === undefined) return toWords(component)
    return targets?.find(target => target.id === id)?.name ?? 'Target'
  }
}
