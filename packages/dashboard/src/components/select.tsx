import type { ReactElement } from 'react'

export interface Option {
  readonly value: string
  readonly label: string
}

export function Select({
  label,
  value,
  options,
  onChoose,
}: {
  label: string
  value: string
  options: readonly Option[]
  onChoose: (value: string) => void
}): ReactElement {
  const isKnown = options.some(option => option.value === value)
  return (
    <label className="select">
      <span className="visually-hidden">{label}</span>
      <select value={value} onChange={event => onChoose(event.target.value)}>
        {!isKnown && <option value={value}>{value}</option>}
        {options.map(option => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  )
}
