import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { Empty } from '../../components/empty.tsx'
import { Panel } from '../../components/panel.tsx'

/** Nobody told anything: what makes them tell. */
export function NoRuntime({ title }: { title: string }): ReactElement {
  return (
    <Panel title={title} flush>
      <Empty icon="runtime" title="No process told of itself in this range.">
        <ul className="ways">
          <li>
            Node.js: start it with the agent, <code>node --import @perfloop/agent app.js</code>. It
            measures the runtime unless <code>OTEL_METRICS_EXPORTER=none</code>.
          </li>
          <li>
            Python: <code>pip install opentelemetry-instrumentation-system-metrics</code>, and start
            with <code>opentelemetry-instrument</code>.
          </li>
          <li>
            Java: the OpenTelemetry agent sends <code>jvm.*</code> by itself, once{' '}
            <code>OTEL_METRICS_EXPORTER=otlp</code> is set.
          </li>
        </ul>
        Where to is told under <Link to="/send">Send data</Link>. Or choose a longer range.
      </Empty>
    </Panel>
  )
}
