import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, type ReactElement, useState } from 'react'
import { perfloop } from '../../api/perfloop.ts'
import { withSession } from '../../api/sign-in.ts'
import { Dialog } from '../../components/dialog.tsx'
import { Failure } from '../../components/failure.tsx'
import { Segmented } from '../../components/segmented.tsx'
import { KINDS, type TargetKind, toTargetInput } from './target-input.ts'

export function AddTarget({ onClose }: { onClose: () => void }): ReactElement {
  const queries = useQueryClient()
  const [kind, setKind] = useState<TargetKind>('postgres')
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault()
    const input = toTargetInput(kind, new FormData(event.currentTarget))
    setBusy(true)
    setError(undefined)
    try {
      await withSession(() => perfloop.addTarget(input))
      await queries.invalidateQueries({ queryKey: ['targets'] })
      onClose()
    } catch (failure) {
      setError(failure)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog title="Add a target" onClose={onClose}>
      <form onSubmit={submit}>
        <div className="dialog-body">
          <Segmented label="Kind" choices={KINDS} value={kind} onChoose={setKind} />
          {kind === 'postgres' ? (
            <label className="field">
              <span>Connection address</span>
              <input
                name="address"
                required
                placeholder="postgresql://perfloop:secret@127.0.0.1:5432/shop"
                spellCheck={false}
                autoComplete="off"
              />
              <small>
                A role with <code>pg_read_all_stats</code> is enough to look. The address never
                leaves the server.
              </small>
            </label>
          ) : (
            <label className="field">
              <span>Database file</span>
              <input name="address" required placeholder="/srv/app/app.db" spellCheck={false} />
              <small>A path on the machine where Perfloop runs.</small>
            </label>
          )}
          <label className="field">
            <span>Name</span>
            <input name="name" required placeholder="shop database" />
          </label>
          <label className="field">
            <span>Environment</span>
            <input name="environment" required defaultValue="development" />
            <small>As the spans say in deployment.environment.name.</small>
          </label>
          <label className="field">
            <span>
              Services <em>optional, comma-separated; empty means all of the environment</em>
            </span>
            <input name="services" placeholder="shop, worker" />
          </label>
          {error !== undefined && <Failure error={error} />}
        </div>
        <footer className="dialog-foot">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button" data-kind="primary" disabled={isBusy}>
            {isBusy ? 'Checking…' : 'Add and check'}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
