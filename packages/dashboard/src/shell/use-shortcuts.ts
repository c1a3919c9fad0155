import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { PLACES } from './places.ts'

const CHORD_MS = 1_200
const TO_PLACE = new Map(
  PLACES.flatMap(({ places }) => places.map(place => [place.key, place.to] as const)),
)

/** `/` searches, `g` then a letter goes somewhere, `j` and `k` walk the rows of a list, `?` explains. */
export function useShortcuts(onHelp: () => void): void {
  const navigate = useNavigate()
  useEffect(() => {
    let goingUntil = 0
    const listen = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return
      if (event.key === 'Escape') {
        leaveField(event.target)
        return
      }
      if (isTyping(event.target) || document.querySelector('dialog[open]') !== null) return
      const place = event.timeStamp < goingUntil ? TO_PLACE.get(event.key) : undefined
      goingUntil = event.key === 'g' ? event.timeStamp + CHORD_MS : 0
      if (place !== undefined) {
        event.preventDefault()
        void navigate({ to: place })
      } else if (event.key === '/') {
        event.preventDefault()
        focusSearch(() => void navigate({ to: '/operations' }))
      } else if (event.key === '?') {
        onHelp()
      } else if (event.key === 'j' || event.key === 'k') {
        walkRows(event.key === 'j' ? 1 : -1)
      }
    }
    document.addEventListener('keydown', listen)
    return () => document.removeEventListener('keydown', listen)
  }, [navigate, onHelp])
}

function focusSearch(goWhereSearchIs: () => void): void {
  const field = document.querySelector<HTMLInputElement>('[data-shortcut=search]')
  if (field === null) {
    goWhereSearchIs()
    return
  }
  field.focus()
  field.select()
}

function walkRows(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main .row-link')]
  if (rows.length === 0) return
  const here = rows.findIndex(row => row.matches(':focus'))
  const next = here === -1 ? (step === 1 ? 0 : rows.length - 1) : here + step
  const row = rows[Math.max(0, Math.min(rows.length - 1, next))]
  row?.focus()
  row?.scrollIntoView({ block: 'nearest' })
}

function leaveField(target: EventTarget | null): void {
  if (target instanceof HTMLElement && isTyping(target)) target.blur()
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
}
