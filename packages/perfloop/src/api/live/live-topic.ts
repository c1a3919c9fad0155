import type { LiveEvent } from '../contract/live.ts'

type Body<Topic extends LiveEvent['topic']> = Omit<Extract<LiveEvent, { topic: Topic }>, 'topic'>

/**
 * A topic that is computed: what it is now, and what to tell those who saw what it was before. One
 * computation serves all who watch.
 */
export interface LiveTopicSource<State> {
  compute(): Promise<State>
  /** The body of an event that needs no other. */
  snapshot(state: State): object
  /** What changed; undefined when nothing did. */
  change(before: State, after: State): object | undefined
}

/** A topic whose events are whole each time, such as the overview. */
export function wholeTopic<Topic extends 'overview' | 'health' | 'runtime'>(
  compute: () => Promise<Body<Topic>>,
): LiveTopicSource<Body<Topic>> {
  return { compute, snapshot: state => state, change: (_before, after) => after }
}

/** A topic of things with an id: a change tells the new and the changed ones only. */
export function listTopic<Item extends { readonly id: string }>(
  field: 'issues' | 'optimizations' | 'profiles',
  compute: () => Promise<readonly Item[]>,
): LiveTopicSource<readonly Item[]> {
  return {
    compute,
    snapshot: items => ({ snapshot: true, [field]: items }),
    change(before, after) {
      const known = new Map(before.map(item => [item.id, JSON.stringify(item)]))
      const changed = after.filter(item => known.get(item.id) !== JSON.stringify(item))
      return changed.length === 0 ? undefined : { snapshot: false, [field]: changed }
    },
  }
}
