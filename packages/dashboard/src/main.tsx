import { ApiFailure } from '@perfloop/client'
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { askToSignIn, exchangeAddressToken } from './api/sign-in.ts'
import { createDashboardRouter } from './router.tsx'
import './styles/index.css'

const queries = new QueryClient({
  queryCache: new QueryCache({
    onError(error) {
      if (error instanceof ApiFailure && error.status === 401) void signInToRead()
    },
  }),
  defaultOptions: {
    queries: {
      // The client repeats passing failures itself; a second layer would only delay the message.
      retry: false,
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      refetchInterval: query =>
        query.state.error instanceof ApiFailure && query.state.error.kind === 'network'
          ? 5_000
          : false,
    },
  },
})
let isAsking = false

/**
 * Beyond loopback reading needs a session too: one dialog for all the questions that were refused. Who declines is
 * not asked again; what was refused says so in its place and offers to sign in.
 */
async function signInToRead(): Promise<void> {
  if (isAsking) return
  isAsking = true
  if (!(await askToSignIn())) return
  isAsking = false
  await queries.invalidateQueries()
}

const router = createDashboardRouter()
const root = document.querySelector('#root')
if (root === null) throw new Error('index.html has no #root')

await exchangeAddressToken()
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
)
