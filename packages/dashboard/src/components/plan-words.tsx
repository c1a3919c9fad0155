import type { ReactElement } from 'react'

/** What the planner does, step by step, as sentences. Leading spaces are the plan's own depth. */
export function PlanWords({ words }: { words: readonly string[] }): ReactElement {
  if (words.length === 0) return <p className="quiet">The planner said nothing.</p>
  return (
    <ol className="plan">
      {words.map((line, index) => {
        const depth = Math.floor((line.length - line.trimStart().length) / 2)
        return (
          // Lines of a plan are their place in it.
          <li key={index} style={{ paddingInlineStart: depth * 16 }}>
            {line.trim()}
          </li>
        )
      })}
    </ol>
  )
}
