import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { servicesQuery } from '../api/queries.ts'
import { Icon } from '../components/icon.tsx'
import { Select } from '../components/select.tsx'
import { useScope } from '../scope/use-scope.ts'
import { LiveIndicator } from './live-indicator.tsx'
import { RangePicker } from './range-picker.tsx'
import { ThemeToggle } from './theme-toggle.tsx'

export function TopBar({
  onMenu,
  onHelp,
}: {
  onMenu: () => void
  onHelp: () => void
}): ReactElement {
  return (
    <header className="top-bar">
      <button
        type="button"
        className="icon-button only-narrow"
        onClick={onMenu}
        aria-label="Open the menu"
      >
        <Icon name="menu" />
      </button>
      <ScopeFilter />
      <div className="top-bar-end">
        <LiveIndicator />
        <RangePicker />
        <ThemeToggle />
        <button
          type="button"
          className="icon-button"
          onClick={onHelp}
          aria-label="Keyboard shortcuts"
        >
          <Icon name="help" />
        </button>
      </div>
    </header>
  )
}

function ScopeFilter(): ReactElement {
  const { environment, service } = useScope()
  // Everything seen lately, whatever the range on screen: a filter must not hide its own way out.
  const services = useQuery(servicesQuery({ from: '-P7D' })).data ?? []
  const environments = [...new Set(services.map(known => known.environment))].sort()
  const names = [
    ...new Set(
      services
        .filter(known => environment === undefined || known.environment === environment)
        .map(known => known.service),
    ),
  ].sort()
  const navigate = useNavigate()
  const choose = (change: { env?: string | undefined; svc?: string | undefined }): void => {
    void navigate({
      to: '.',
      search: (before: Record<string, unknown>) => ({ ...before, page: undefined, ...change }),
    } as never)
  }
  return (
    <div className="scope">
      <Select
        label="Environment"
        value={environment ?? ''}
        options={[
          { value: '', label: 'All environments' },
          ...environments.map(name => ({ value: name, label: name })),
        ]}
        onChoose={env => choose({ env: env === '' ? undefined : env, svc: undefined })}
      />
      <Select
        label="Service"
        value={service ?? ''}
        options={[
          { value: '', label: 'All services' },
          ...names.map(name => ({ value: name, label: name })),
        ]}
        onChoose={svc => choose({ svc: svc === '' ? undefined : svc })}
      />
    </div>
  )
}
