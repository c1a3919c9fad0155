import { type FormEvent, type ReactElement, type ReactNode, useState } from 'react'
import { withSession } from '../api/sign-in.ts'
import { Dialog } from './dialog.tsx'
import { Failure } from './failure.tsx'

/**
 * Confirms one write: what will happen, a reason for the ledger, the button that does it. When it fails the
 * dialog stays with everything typed, says why, and the same button tries again.
 */
export function ActionDialog({
  title,
  confirm,
  danger = false,
  reason = 'optional',
  onConfirm,
  onClose,
  children,
}: {
  title: string
  confirm: string
  danger?: boolean
  reason?: 'none' | 'optional' | 'required'
  onConfirm: (reason: string) => Promise<unknown>
  onClose: () => void
  children: ReactNode
}): ReactElement {
  const [text, setText] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    setError(undefined)
    try {
      await withSession(() => onConfirm(text.trim()))
      onClose()
    } catch (failure) {
      setError(failure)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit}>
        <div className="dialog-body">
          {children}
          {reason !== 'none' && (
            <label className="field">
              <span>Reason {reason === 'optional' && <em>optional, kept in the ledger</em>}</span>
              <textarea
                rows={2}
                maxLength={2_000}
                required={reason === 'required'}
                value={text}
                onChange={event => setText(event.target.value)}
              />
            </label>
          )}
          {error !== undefined && <Failure error={error} />}
        </div>
        <footer className="dialog-foot">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            className="button"
            data-kind={danger ? 'danger' : 'primary'}
            disabled={isBusy}
          >
            {isBusy ? 'Working…' : confirm}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
