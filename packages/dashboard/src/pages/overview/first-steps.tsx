import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { settingsQuery } from '../../api/queries.ts'
import { Panel } from '../../components/panel.tsx'
import { readOtlpAddress } from '../send/otlp-address.ts'
import { Snippets } from '../send/snippets.tsx'

/** Nothing has ever arrived: the one thing to do next. */
export function FirstSteps(): ReactElement {
  const address = readOtlpAddress(useQuery(settingsQuery()).data, location.hostname)
  return (
    <Panel
      title="Send your first spans"
      note="Perfloop speaks OpenTelemetry; nothing of yours has arrived yet"
    >
      <ol className="steps">
        <li>
          Start your application with one of these. It takes a minute, and no change to its code.
        </li>
        <li>Use it a little. Spans appear under Live within a second.</li>
        <li>
          Add its database under <Link to="/targets">Targets</Link>, so that missing indexes can be
          found and proven.
        </li>
      </ol>
      <Snippets address={address} token={undefined} />
      <p className="quiet">
        Only looking around? <code>npm run demo</code> starts a shop with planted problems.
      </p>
    </Panel>
  )
}
