import type { ReactElement } from 'react'

export interface Choice<Value extends string> {
  readonly value: Value
  readonly label: string
  readonly count?: number
}

/** A few choices side by side, one of them taken. */
export function Segmented<Value extends string>({
  label,
  choices,
  value,
  onChoose,
}: {
  label: string
  choices: readonly Choice<Value>[]
  value: Value
  onChoose: (value: Value) => void
}): ReactElement {
  return (
    <fieldset className="segmented">
      <legend className="visually-hidden">{label}</legend>
      {choices.map(choice => (
        <button
          key={choice.value}
          type="button"
          aria-pressed={choice.value === value}
          onClick={() => onChoose(choice.value)}
        >
          {choice.label}
          {choice.count !== undefined && <span className="count">{choice.count}</span>}
        </button>
      ))}
    </fieldset>
  )
}
