import type { ReactElement } from 'react'
import { Icon } from '../components/icon.tsx'
import { chooseTheme, type ThemeChoice, useThemeChoice } from './theme.ts'

const NEXT = { system: 'light', light: 'dark', dark: 'system' } as const satisfies Record<
  ThemeChoice,
  ThemeChoice
>
const ICONS = { system: 'system', light: 'sun', dark: 'moon' } as const

export function ThemeToggle(): ReactElement {
  const choice = useThemeChoice()
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={`Theme: ${choice}. Change to ${NEXT[choice]}.`}
      title={`Theme: ${choice}`}
      onClick={() => chooseTheme(NEXT[choice])}
    >
      <Icon name={ICONS[choice]} />
    </button>
  )
}
