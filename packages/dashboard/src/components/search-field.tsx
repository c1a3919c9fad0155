import { type ReactElement, useEffect, useState } from 'react'
import { Icon } from './icon.tsx'

const SETTLE_MS = 250

/** Asks when typing pauses. `/` focuses it from anywhere on the page. */
export function SearchField({
  label,
  value,
  onSearch,
}: {
  label: string
  value: string
  onSearch: (text: string) => void
}): ReactElement {
  const [text, setText] = useState(value)
  useEffect(() => setText(value), [value])
  useEffect(() => {
    if (text === value) return
    const timer = setTimeout(() => onSearch(text), SETTLE_MS)
    return () => clearTimeout(timer)
  }, [text, value, onSearch])
  return (
    <label className="search-field">
      <Icon name="search" size={14} />
      <span className="visually-hidden">{label}</span>
      <input
        type="search"
        value={text}
        placeholder={label}
        data-shortcut="search"
        spellCheck={false}
        autoComplete="off"
        onChange={event => setText(event.target.value)}
      />
      <kbd>/</kbd>
    </label>
  )
}
