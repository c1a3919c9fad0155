import { Session } from 'node:inspector/promises'

const SAMPLING_INTERVAL_US = 100

/**
 * The longest time that the main thread was within the agent's own code, ms, in a profile with a sample each 100 µs: a run of
 * samples whose innermost frame with a file of its own is the agent's. What the agent calls of Node counts as
 * the agent's; the application called by one of the agent's wrappers does not.
 */
export async function profileFor(ms: number): Promise<number> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_US })
  await session.post('Profiler.start')
  await new Promise(resolve => setTimeout(resolve, ms))
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()

  const parents = new Map<number, number>()
  const nodes = new Map(profile.nodes.map(node => [node.id, node]))
  for (const node of profile.nodes) {
    for (const child of node.children ?? []) parents.set(child, node.id)
  }
  const isAgents = (id: number | undefined): boolean => {
    for (let at = id; at !== undefined; at = parents.get(at)) {
      const { url, functionName } = nodes.get(at)?.callFrame ?? { url: '', functionName: '' }
      if (functionName === '(garbage collector)') return false
      if (url === '' || url.startsWith('node:')) continue
      return url.includes('/packages/agent/dist/')
    }
    return false
  }
  let longest = 0
  let run = 0
  for (const id of profile.samples ?? []) {
    run = isAgents(id) ? run + 1 : 0
    longest = Math.max(longest, run)
  }
  // Samples and not their times: where the cores are shared, a thread may wait between two of them.
  return (longest * SAMPLING_INTERVAL_US) / 1_000
}
