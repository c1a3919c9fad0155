import {
  createRootRoute,
  createRoute,
  createRouter,
  retainSearchParams,
} from '@tanstack/react-router'
import { readOperationSearch } from './pages/operation/operation-search.ts'
import { readStatementSearch } from './pages/statement/statement-search.ts'
import { readListSearch } from './scope/list-search.ts'
import { parseSearch, stringifySearch } from './scope/search-text.ts'
import { readScopeSearch, type ScopeSearch } from './scope/time-range.ts'
import { BrokenPage } from './shell/broken-page.tsx'
import { lazyPage } from './shell/lazy-page.ts'
import { NotFound } from './shell/not-found.tsx'
import { PendingPage } from './shell/pending-page.tsx'
import { Shell } from './shell/shell.tsx'

const rootRoute = createRootRoute({
  validateSearch: readScopeSearch,
  // Range and filters go along to every page, and come back with the Back button.
  search: { middlewares: [retainSearchParams<ScopeSearch>(['range', 'from', 'to', 'env', 'svc'])] },
  component: Shell,
  notFoundComponent: NotFound,
})

const getParentRoute = (): typeof rootRoute => rootRoute

// Every page is a chunk of its own, fetched when it is first gone to (or pointed at).
const routeTree = rootRoute.addChildren([
  createRoute({
    getParentRoute,
    path: '/',
    component: lazyPage(() => import('./pages/overview/overview-page.tsx'), 'OverviewPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/operations',
    validateSearch: readListSearch,
    component: lazyPage(() => import('./pages/operations/operations-page.tsx'), 'OperationsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/operation',
    validateSearch: readOperationSearch,
    component: lazyPage(() => import('./pages/operation/operation-page.tsx'), 'OperationPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/statements',
    validateSearch: readListSearch,
    component: lazyPage(() => import('./pages/statements/statements-page.tsx'), 'StatementsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/statements/$fingerprint',
    validateSearch: readStatementSearch,
    component: lazyPage(() => import('./pages/statement/statement-page.tsx'), 'StatementPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/traces',
    validateSearch: readListSearch,
    component: lazyPage(() => import('./pages/traces/traces-page.tsx'), 'TracesPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/traces/$traceId',
    validateSearch: (search: Record<string, unknown>): { span?: string } =>
      typeof search.span === 'string' ? { span: search.span } : {},
    component: lazyPage(() => import('./pages/trace/trace-page.tsx'), 'TracePage'),
  }),
  createRoute({
    getParentRoute,
    path: '/issues',
    validateSearch: readListSearch,
    component: lazyPage(() => import('./pages/issues/issues-page.tsx'), 'IssuesPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/issues/$id',
    component: lazyPage(() => import('./pages/issue/issue-page.tsx'), 'IssuePage'),
  }),
  createRoute({
    getParentRoute,
    path: '/optimizations',
    validateSearch: readListSearch,
    component: lazyPage(
      () => import('./pages/optimizations/optimizations-page.tsx'),
      'OptimizationsPage',
    ),
  }),
  createRoute({
    getParentRoute,
    path: '/optimizations/$id',
    component: lazyPage(
      () => import('./pages/optimization/optimization-page.tsx'),
      'OptimizationPage',
    ),
  }),
  createRoute({
    getParentRoute,
    path: '/coverage',
    validateSearch: readListSearch,
    component: lazyPage(() => import('./pages/coverage/coverage-page.tsx'), 'CoveragePage'),
  }),
  createRoute({
    getParentRoute,
    path: '/code',
    component: lazyPage(() => import('./pages/hot-code/hot-code-page.tsx'), 'HotCodePage'),
  }),
  createRoute({
    getParentRoute,
    path: '/runtime',
    validateSearch: (search: Record<string, unknown>): { instance?: string } =>
      typeof search.instance === 'string' ? { instance: search.instance } : {},
    component: lazyPage(() => import('./pages/runtime/runtime-page.tsx'), 'RuntimePage'),
  }),
  createRoute({
    getParentRoute,
    path: '/agents',
    validateSearch: readListSearch,
    component: lazyPage(() => import('./pages/agents/agents-page.tsx'), 'AgentsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/profiles/$id',
    component: lazyPage(() => import('./pages/profile/profile-page.tsx'), 'ProfilePage'),
  }),
  createRoute({
    getParentRoute,
    path: '/targets',
    component: lazyPage(() => import('./pages/targets/targets-page.tsx'), 'TargetsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/health',
    component: lazyPage(() => import('./pages/health/health-page.tsx'), 'HealthPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/send',
    component: lazyPage(() => import('./pages/send/send-page.tsx'), 'SendPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/settings',
    component: lazyPage(() => import('./pages/settings/settings-page.tsx'), 'SettingsPage'),
  }),
])

export function createDashboardRouter() {
  return createRouter({
    routeTree,
    parseSearch,
    stringifySearch,
    defaultPreload: 'intent',
    defaultPendingMs: 150,
    defaultPendingComponent: PendingPage,
    defaultErrorComponent: BrokenPage,
    scrollRestoration: true,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createDashboardRouter>
  }
}
