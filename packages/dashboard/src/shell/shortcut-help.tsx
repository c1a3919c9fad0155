import type { ReactElement } from 'react'
import { Dialog } from '../components/dialog.tsx'
import { PLACES } from './places.ts'

const KEYS = [
  { keys: ['/'], does: 'Search' },
  { keys: ['j'], does: 'Next row' },
  { keys: ['k'], does: 'Previous row' },
  { keys: ['Enter'], does: 'Open the row' },
  { keys: ['Esc'], does: 'Close, or leave the field' },
  { keys: ['↑', '↓'], does: 'Walk the spans of a trace' },
  { keys: ['←', '→'], does: 'Fold and unfold a span' },
  { keys: ['+', '−', '0'], does: 'Zoom a trace in, out, whole' },
  { keys: ['?'], does: 'This help' },
] as const

export function ShortcutHelp({ onClose }: { onClose: () => void }): ReactElement {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <div className="dialog-body shortcuts">
        <ul>
          {KEYS.map(({ keys, does }) => (
            <li key={does}>
              <span>
                {keys.map(key => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </span>
              {does}
            </li>
          ))}
        </ul>
        <ul>
          {PLACES.flatMap(({ places }) => places).map(place => (
            <li key={place.to}>
              <span>
                <kbd>g</kbd>
                <kbd>{place.key}</kbd>
              </span>
              {place.label}
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  )
}
