import { type FormEvent, type ReactElement, useEffect, useState } from 'react'
import { perfloop } from '../api/perfloop.ts'
import { registerSignInDialog, settleSignIn } from '../api/sign-in.ts'
import { Dialog } from '../components/dialog.tsx'
import { Failure } from '../components/failure.tsx'

/** Appears when a write needs a session, and lets that write go on afterwards. */
export function SignInDialog(): ReactElement | null {
  const [isOpen, setOpen] = useState(false)
  const [error, setError] = useState<unknown>()
  useEffect(() => registerSignInDialog(() => setOpen(true)), [])
  if (!isOpen) return null
  const finish = (signedIn: boolean): void => {
    setOpen(false)
    setError(undefined)
    settleSignIn(signedIn)
  }
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault()
    const token = String(new FormData(event.currentTarget).get('token')).trim()
    try {
      await perfloop.signIn(token)
      finish(true)
    } catch (failure) {
      setError(failure)
    }
  }
  return (
    <Dialog title="Sign in" onClose={() => finish(false)}>
      <form onSubmit={submit}>
        <div className="dialog-body">
          <p>
            Changing something needs the admin token. It is printed when Perfloop starts, and kept
            in the file <code>admin-token</code> of its data directory.
          </p>
          <label className="field">
            <span>Admin token</span>
            <input type="password" name="token" required autoComplete="current-password" />
          </label>
          {error !== undefined && <Failure error={error} />}
        </div>
        <footer className="dialog-foot">
          <button type="button" className="button" onClick={() => finish(false)}>
            Cancel
          </button>
          <button type="submit" className="button" data-kind="primary">
            Sign in
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
