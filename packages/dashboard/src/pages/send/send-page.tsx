import type { IngestToken } from '@perfloop/client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, type ReactElement, useState } from 'react'
import { perfloop } from '../../api/perfloop.ts'
import { ingestTokensQuery, settingsQuery } from '../../api/queries.ts'
import { withSession } from '../../api/sign-in.ts'
import { ActionDialog } from '../../components/action-dialog.tsx'
import { Badge } from '../../components/badge.tsx'
import { CopyButton } from '../../components/copy-button.tsx'
import { Empty } from '../../components/empty.tsx'
import { Failure } from '../../components/failure.tsx'
import { Instant } from '../../components/instant.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { TermList } from '../../components/term-list.tsx'
import { readOtlpAddress } from './otlp-address.ts'
import { Snippets } from './snippets.tsx'

export function SendPage(): ReactElement {
  const address = readOtlpAddress(useQuery(settingsQuery()).data, location.hostname)
  const [token, setToken] = useState<string>()
  return (
    <div className="page">
      <PageHead
        title="Send data"
        meta="Perfloop receives OpenTelemetry: traces, metrics and logs."
      />
      <div className="detail">
        <div>
          <Panel title="How to send" note="ready to paste">
            <Snippets address={address} token={token} />
            {token === undefined && (
              <p className="quiet">
                From this machine no token is needed unless the settings ask for one. From
                elsewhere, make one: it appears in the snippet.
              </p>
            )}
          </Panel>
          <Tokens onMade={setToken} />
        </div>
        <div>
          <Panel title="Addresses">
            <TermList
              terms={[
                { term: 'OTLP over HTTP', value: <code>{address.http}</code> },
                { term: 'OTLP over gRPC', value: <code>{address.grpc}</code> },
              ]}
            />
          </Panel>
          <Panel title="What to set">
            <ul className="bullets">
              <li>
                <code>service.name</code>: one name per application.
              </li>
              <li>
                <code>deployment.environment.name</code>: production is sampled at a tenth,
                development whole. A token fixes it for its sender.
              </li>
              <li>Statements arrive with their literals and are stored without them.</li>
            </ul>
          </Panel>
        </div>
      </div>
    </div>
  )
}

function Tokens({ onMade }: { onMade: (token: string) => void }): ReactElement {
  const query = useQuery(ingestTokensQuery())
  return (
    <Panel title="Ingest tokens" note="each fixes the environment of its sender">
      <NewToken onMade={onMade} />
      <div className="spaced">
        <Loaded query={query} skeleton={<Skeleton height={80} />}>
          {tokens =>
            tokens.length === 0 ? (
              <Empty icon="send" title="No token yet.">
                Make one for each sender that is not on this machine.
              </Empty>
            ) : (
              <TokenTable tokens={tokens} />
            )
          }
        </Loaded>
      </div>
    </Panel>
  )
}

function NewToken({ onMade }: { onMade: (token: string) => void }): ReactElement {
  const queries = useQueryClient()
  const [made, setMade] = useState<string>()
  const [error, setError] = useState<unknown>()
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    setError(undefined)
    try {
      const { token } = await withSession(() =>
        perfloop.addIngestToken({
          name: String(form.get('name')).trim(),
          environment: String(form.get('environment')).trim(),
        }),
      )
      setMade(token)
      onMade(token)
      await queries.invalidateQueries({ queryKey: ['ingest-tokens'] })
    } catch (failure) {
      setError(failure)
    }
  }
  return (
    <>
      <form className="inline-form" onSubmit={submit}>
        <label className="field">
          <span>Sender</span>
          <input name="name" required placeholder="shop in production" />
        </label>
        <label className="field">
          <span>Environment</span>
          <input name="environment" required placeholder="production" />
        </label>
        <button type="submit" className="button" data-kind="primary">
          Make a token
        </button>
      </form>
      {error !== undefined && <Failure error={error} />}
      {made !== undefined && (
        <p className="notice" data-tone="good" role="status">
          <code>{made}</code> <CopyButton text={made} label="Copy the token" /> Shown this once;
          only its hash is kept.
        </p>
      )}
    </>
  )
}

function TokenTable({ tokens }: { tokens: readonly IngestToken[] }): ReactElement {
  const queries = useQueryClient()
  const [revoking, setRevoking] = useState<IngestToken>()
  return (
    <div className="table-frame bleeding">
      <table className="table">
        <caption className="visually-hidden">Ingest tokens</caption>
        <thead>
          <tr>
            <th scope="col">Sender</th>
            <th scope="col">Environment</th>
            <th scope="col" data-yields="1">
              Made
            </th>
            <th scope="col">State</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {tokens.map(token => (
            <tr key={token.id}>
              <td>
                <b>{token.name}</b>
              </td>
              <td>{token.environment}</td>
              <td data-yields="1">
                <Instant at={token.created_at} />
              </td>
              <td>
                <Badge tone={token.revoked_at === null ? 'good' : 'neutral'}>
                  {token.revoked_at === null ? 'valid' : 'revoked'}
                </Badge>
              </td>
              <td data-align="end">
                {token.revoked_at === null && (
                  <button type="button" className="button small" onClick={() => setRevoking(token)}>
                    Revoke
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {revoking !== undefined && (
        <ActionDialog
          title={`Revoke the token of ${revoking.name}?`}
          confirm="Revoke"
          danger
          reason="none"
          onConfirm={async () => {
            await perfloop.revokeIngestToken(revoking.id)
            await queries.invalidateQueries({ queryKey: ['ingest-tokens'] })
          }}
          onClose={() => setRevoking(undefined)}
        >
          <p>Its sender is refused from now on. This cannot be undone; make a new token instead.</p>
        </ActionDialog>
      )}
    </div>
  )
}
