import { z } from 'zod'
import { sessionCookie } from '../auth/session.ts'
import { defineEndpoint } from '../endpoint.ts'

const SessionView = z.object({
  signed_in: z.boolean(),
  expires_at: z.iso.datetime().nullable(),
  reads_need_token: z.boolean().describe('False: everybody who reaches Perfloop may read'),
})

export const sessionEndpoints = [
  defineEndpoint({
    name: 'session',
    method: 'GET',
    path: '/session',
    summary: 'Whether this browser is signed in',
    access: 'public',
    data: SessionView,
    answer: async ({ actor }, { access }) => ({
      data: {
        signed_in: actor !== 'anonymous',
        expires_at: null,
        reads_need_token: access.readsNeedToken,
      },
    }),
  }),
  defineEndpoint({
    name: 'session.open',
    method: 'POST',
    path: '/session',
    summary: 'Exchange the admin token for a session cookie',
    access: 'public',
    body: z.strictObject({ token: z.string().min(1).max(1_000) }),
    data: SessionView,
    async answer({ body, address, nowUnixMs }, { access }) {
      const { cookie, expiresUnixMs } = access.signIn(body.token, address, nowUnixMs)
      return {
        headers: { 'set-cookie': cookie },
        data: {
          signed_in: true,
          expires_at: new Date(expiresUnixMs).toISOString(),
          reads_need_token: access.readsNeedToken,
        },
      }
    },
  }),
  defineEndpoint({
    name: 'session.close',
    method: 'DELETE',
    path: '/session',
    summary: 'Sign this browser out',
    access: 'public',
    data: SessionView,
    answer: async (_call, { access }) => ({
      headers: { 'set-cookie': sessionCookie('', 0) },
      data: { signed_in: false, expires_at: null, reads_need_token: access.readsNeedToken },
    }),
  }),
]
