import { Outlet } from '@tanstack/react-router'
import { type ReactElement, useCallback, useEffect, useState } from 'react'
import { useLiveUpdates } from '../api/use-live-updates.ts'
import { usePath } from '../scope/use-scope.ts'
import { ShortcutHelp } from './shortcut-help.tsx'
import { Sidebar } from './sidebar.tsx'
import { SignInDialog } from './sign-in-dialog.tsx'
import { TopBar } from './top-bar.tsx'
import { useShortcuts } from './use-shortcuts.ts'

/** What surrounds every page. */
export function Shell(): ReactElement {
  const [isMenuOpen, setMenuOpen] = useState(false)
  const [isHelpOpen, setHelpOpen] = useState(false)
  const openHelp = useCallback(() => setHelpOpen(true), [])
  useLiveUpdates()
  useShortcuts(openHelp)
  useCloseOnEscape(isMenuOpen, setMenuOpen)
  return (
    <div className="shell">
      <a className="skip-link" href="#main">
        Skip to the content
      </a>
      <Sidebar isOpen={isMenuOpen} onClose={() => setMenuOpen(false)} />
      {isMenuOpen && (
        <button
          type="button"
          className="scrim"
          aria-label="Close the menu"
          onClick={() => setMenuOpen(false)}
        />
      )}
      <div className="stage">
        <TopBar onMenu={() => setMenuOpen(true)} onHelp={openHelp} />
        <main id="main" tabIndex={-1} data-path={usePath()}>
          <Outlet />
        </main>
      </div>
      {isHelpOpen && <ShortcutHelp onClose={() => setHelpOpen(false)} />}
      <SignInDialog />
    </div>
  )
}

function useCloseOnEscape(isOpen: boolean, setOpen: (open: boolean) => void): void {
  useEffect(() => {
    if (!isOpen) return
    const listen = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') setOpen(false)
    }
    document.addEventListener('keydown', listen)
    return () => document.removeEventListener('keydown', listen)
  }, [isOpen, setOpen])
}
