import { ApiFailure } from '@perfloop/client'
import { perfloop } from './perfloop.ts'

let ask: (() => void) | undefined
let answered: ((signedIn: boolean) => void)[] = []

/** The shell's dialog registers here; whoever needs a session asks through {@link withSession}. */
export function registerSignInDialog(open: () => void): () => void {
  ask = open
  return () => {
    ask = undefined
  }
}

export function settleSignIn(signedIn: boolean): void {
  const waiting = answered
  answered = []
  for (const settle of waiting) settle(signedIn)
}

/** Does a write; where a session is missing, asks for the token and does it again. Nothing typed is lost. */
export async function withSession<Result>(write: () => Promise<Result>): Promise<Result> {
  try {
    return await write()
  } catch (failure) {
    if (!(failure instanceof ApiFailure) || failure.status !== 401 || ask === undefined)
      throw failure
    if (!(await askToSignIn())) throw failure
    return write()
  }
}

/** False when the reader would rather not, or when nobody can be asked yet. */
export function askToSignIn(): Promise<boolean> {
  if (ask === undefined) return Promise.resolve(false)
  return new Promise(resolve => {
    answered.push(resolve)
    ask?.()
  })
}

/**
 * `#token=…` in the address (what `perfloop serve` prints) becomes a session, and leaves the address and the
 * history before anything else can read it.
 */
export async function exchangeAddressToken(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token === null) return
  history.replaceState(history.state, '', location.pathname + location.search)
  try {
    await perfloop.signIn(token)
  } catch {
    // An outdated link: reading may still work, and the first write will ask for the token.
  }
}
