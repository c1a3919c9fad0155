import type { SettingView } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { type ReactElement, useCallback } from 'react'
import { settingsQuery } from '../../api/queries.ts'
import { Badge } from '../../components/badge.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { SearchField } from '../../components/search-field.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { formatDuration } from '../../format/duration.ts'
import { toWords } from '../../format/label.ts'
import { formatBytes } from '../../format/number.ts'
import { useListSearch } from '../../scope/use-list-search.ts'

/** Every setting in force, where it comes from, and what it is for. */
export function SettingsPage(): ReactElement {
  const query = useQuery(settingsQuery())
  const [search, change] = useListSearch()
  const asked = (search.q ?? '').toLowerCase()
  const onSearch = useCallback((q: string) => change({ q: q === '' ? undefined : q }), [change])
  return (
    <div className="page">
      <PageHead
        title="Settings"
        meta="In force now. Flags come before environment variables, the file, and defaults."
      />
      <div className="filters">
        <SearchField label="Search settings" value={search.q ?? ''} onSearch={onSearch} />
      </div>
      <Loaded query={query} skeleton={<Skeleton height={600} />}>
        {settings => {
          const shown = settings.filter(({ key, description }) =>
            `${key} ${description}`.toLowerCase().includes(asked),
          )
          if (shown.length === 0) {
            return (
              <Panel title="Settings" flush>
                <Empty title="No setting fits.">Try fewer letters.</Empty>
              </Panel>
            )
          }
          return [...groupBySection(shown)].map(([section, group]) => (
            <Panel key={section} title={toWords(section)} note={section} flush>
              <SettingTable settings={group} section={section} />
            </Panel>
          ))
        }}
      </Loaded>
    </div>
  )
}

function groupBySection(
  settings: readonly SettingView[],
): ReadonlyMap<string, readonly SettingView[]> {
  const groups = new Map<string, SettingView[]>()
  for (const setting of settings) {
    const [section = ''] = setting.key.split('.')
    const known = groups.get(section)
    if (known === undefined) groups.set(section, [setting])
    else known.push(setting)
  }
  return groups
}

function SettingTable({
  settings,
  section,
}: {
  settings: readonly SettingView[]
  section: string
}): ReactElement {
  return (
    <table className="table settings">
      <caption className="visually-hidden">Settings of {section}</caption>
      <thead>
        <tr>
          <th scope="col">Setting</th>
          <th scope="col">Value</th>
          <th scope="col">From</th>
        </tr>
      </thead>
      <tbody>
        {settings.map(setting => (
          <tr key={setting.key}>
            <td>
              <span className="two-lines">
                <code>{setting.key.slice(section.length + 1)}</code>
                <small>{setting.description}</small>
              </span>
            </td>
            <td>
              <code>{JSON.stringify(setting.value)}</code>
              <InWords setting={setting} />
            </td>
            <td>
              <Badge tone={setting.source === 'default' ? 'neutral' : 'info'}>
                {setting.source}
              </Badge>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** 604800000 is seven days: what is too long to read in the setting's own unit. */
function InWords({ setting: { key, value } }: { setting: SettingView }): ReactElement | null {
  if (typeof value !== 'number') return null
  if (key.endsWith('Ms') && value >= 1_000) {
    return <small className="quiet"> {formatDuration(value * 1e6)}</small>
  }
  if (key.endsWith('Bytes') && value >= 1_024) {
    return <small className="quiet"> {formatBytes(value)}</small>
  }
  return null
}
