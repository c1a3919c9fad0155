import type {
  AgentRecord,
  ControlStore,
  DeclarationRecord,
} from '../store/control/control-store.ts'

/**
 * What each service declares now: the union over its newest agent and those seen shortly before it. Those of an older
 * version are gone by then, and what only they declared is no gap any more.
 */
export async function currentDeclarations(
  control: ControlStore,
  agents: readonly AgentRecord[],
  generationMs: number,
  /** What is written of it may be minutes older. */
  lastSeenMs: (agent: AgentRecord) => number,
): Promise<readonly (readonly DeclarationRecord[])[]> {
  const services = new Map<string, AgentRecord[]>()
  for (const agent of agents) {
    if (agent.declarations === null) continue
    const key = JSON.stringify([agent.environment, agent.service])
    services.set(key, [...(services.get(key) ?? []), agent])
  }
  return await Promise.all(
    [...services.values()].map(async members => {
      const newestMs = Math.max(...members.map(lastSeenMs))
      const current = members.filter(agent => newestMs - lastSeenMs(agent) <= generationMs)
      const [first] = members
      const revisions = new Set(current.map(({ declarations }) => declarations))
      const found = await Promise.all(
        [...revisions].map(revision =>
          first === undefined || revision === null
            ? undefined
            : control.agents.declaration(first.environment, first.service, revision),
        ),
      )
      return found.filter(declaration => declaration !== undefined)
    }),
  )
}
