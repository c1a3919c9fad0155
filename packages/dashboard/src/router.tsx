import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  retainSearchParams,
} from '@tanstack/react-router'
import { readOperationSearch } from './pages/operation/operation-search.ts'
import { readListSearch } from './scope/list-search.ts'
import { parseSearch, stringifySearch } from './scope/search-text.ts'
import { readScopeSearch, type ScopeSearch } from './scope/time-range.ts'
import { BrokenPage } from './shell/broken-page.tsx'
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
    component: lazyRouteComponent(
      () => import('./pages/overview/overview-page.tsx'),
      'OverviewPage',
    ),
  }),
  createRoute({
    getParentRoute,
    path: '/operations',
    validateSearch: readListSearch,
    component: lazyRouteComponent(
      () => import('./pages/operations/operations-page.tsx'),
      'OperationsPage',
    ),
  }),
  createRoute({
    getParentRoute,
    path: '/operation',
    validateSearch: readOperationSearch,
    component: lazyRouteComponent(
      () => import('./pages/operation/operation-page.tsx'),
      'OperationPage',
    ),
  }),
  createRoute({
    getParentRoute,
    path: '/statements',
    validateSearch: readListSearch,
    component: lazyRouteComponent(
      () => import('./pages/statements/statements-page.tsx'),
      'StatementsPage',
    ),
  }),
  createRoute({
    getParentRoute,
    path: '/statements/$fingerprint',
    component: lazyRouteComponent(
      () => import('./pages/statement/statement-page.tsx'),
      'StatementPage',
    ),
  }),
  createRoute({
    getParentRoute,
    path: '/traces',
    validateSearch: readListSearch,
    component: lazyRouteComponent(() => import('./pages/traces/traces-page.tsx'), 'TracesPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/traces/$traceId',
    validateSearch: (search: Record<string, unknown>): { span?: string } =>
      typeof search.span === 'string' ? { span: search.span } : {},
    component: lazyRouteComponent(() => import('./pages/trace/trace-page.tsx'), 'TracePage'),
  }),
  createRoute({
    getParentRoute,
    path: '/issues',
    validateSearch: readListSearch,
    component: lazyRouteComponent(() => import('./pages/issues/issues-page.tsx'), 'IssuesPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/issues/$id',
    component: lazyRouteComponent(() => import('./pages/issue/issue-page.tsx'), 'IssuePage'),
  }),
  createRoute({
    getParentRoute,
    path: '/optimizations',
    validateSearch: readListSearch,
    component: lazyRouteComponent(
      () => import('./pages/optimizations/optimizations-page.tsx'),
      'OptimizationsPage',
    ),
  }),
  createRoute({
    getParentRoute,
    path: '/optimizations/$id',
    component: lazyRouteComponent(
      () => import('./pages/optimization/optimization-page.tsx'),
      'OptimizationPage',
    ),
  }),
  createRoute({
    getParentRoute,
    path: '/targets',
    component: lazyRouteComponent(() => import('./pages/targets/targets-page.tsx'), 'TargetsPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/health',
    component: lazyRouteComponent(() => import('./pages/health/health-page.tsx'), 'HealthPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/send',
    component: lazyRouteComponent(() => import('./pages/send/send-page.tsx'), 'SendPage'),
  }),
  createRoute({
    getParentRoute,
    path: '/settings',
    component: lazyRouteComponent(
      () => import('./pages/settings/settings-page.tsx'),
      'SettingsPage',
    ),
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
