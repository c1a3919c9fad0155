import { ApiFailure } from '@perfloop/client'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { exchangeAddressToken } from './api/sign-in.ts'
import { createDashboardRouter } from './router.tsx'
import './styles/index.css'

const queries = new QueryClient({
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
