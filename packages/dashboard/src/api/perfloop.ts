import { createPerfloopClient } from '@perfloop/client'

/** The one client of this page. Same origin; a session cookie, never a token, is kept in the browser. */
export const perfloop = createPerfloopClient()
