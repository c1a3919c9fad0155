import type { Endpoint } from './endpoint.ts'
import { agentEndpoints } from './routes/agents.ts'
import { configEndpoints } from './routes/config.ts'
import { coverageEndpoints } from './routes/coverage.ts'
import { healthEndpoints } from './routes/health.ts'
import { issueEndpoints } from './routes/issues.ts'
import { operationEndpoints } from './routes/operations.ts'
import { optimizationEndpoints } from './routes/optimizations.ts'
import { overviewEndpoints } from './routes/overview.ts'
import { profileEndpoints } from './routes/profiles.ts'
import { resourceEndpoints } from './routes/resources.ts'
import { runtimeEndpoints } from './routes/runtime.ts'
import { sessionEndpoints } from './routes/session.ts'
import { statementEndpoints } from './routes/statements.ts'
import { targetEndpoints } from './routes/targets.ts'
import { traceEndpoints } from './routes/traces.ts'

/** Every endpoint that answers JSON, by resource. */
export const ENDPOINTS: readonly Endpoint[] = [
  ...healthEndpoints,
  ...overviewEndpoints,
  ...operationEndpoints,
  ...statementEndpoints,
  ...resourceEndpoints,
  ...runtimeEndpoints,
  ...traceEndpoints,
  ...profileEndpoints,
  ...issueEndpoints,
  ...optimizationEndpoints,
  ...coverageEndpoints,
  ...targetEndpoints,
  ...agentEndpoints,
  ...configEndpoints,
  ...sessionEndpoints,
]
