import { type ReactElement, useState } from 'react'
import { CopyButton } from '../../components/copy-button.tsx'
import { Segmented } from '../../components/segmented.tsx'
import type { OtlpAddress } from './otlp-address.ts'

const LANGUAGES = [
  { value: 'node', label: 'Node.js' },
  { value: 'python', label: 'Python' },
  { value: 'anything', label: 'Anything else' },
  { value: 'collector', label: 'Collector' },
  { value: 'curl', label: 'curl' },
] as const
type Language = (typeof LANGUAGES)[number]['value']

/** How to send, ready to paste, with the ports and the token of this very installation. */
export function Snippets({
  address,
  token,
}: {
  address: OtlpAddress
  token: string | undefined
}): ReactElement {
  const [language, setLanguage] = useState<Language>('node')
  const text = SNIPPETS[language](address, token)
  return (
    <div className="snippets">
      <Segmented label="Language" choices={LANGUAGES} value={language} onChoose={setLanguage} />
      <div className="sql-block">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
        <pre tabIndex={0}>
          <code>{text}</code>
        </pre>
        <CopyButton text={text} label="Copy the snippet" />
      </div>
    </div>
  )
}

type Snippet = (address: OtlpAddress, token: string | undefined) => string

const SNIPPETS: Readonly<Record<Language, Snippet>> = {
  node: ({ http }, token) => `npm install @perfloop/agent

${environment(http, token)}
node --import @perfloop/agent app.js

# With the OpenTelemetry SDK instead, in place of the last line:
# npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node
# node --require @opentelemetry/auto-instrumentations-node/register app.js`,
  python: ({ http }, token) => `pip install opentelemetry-distro opentelemetry-exporter-otlp
opentelemetry-bootstrap --action=install

${environment(http, token)}
opentelemetry-instrument python app.py`,
  anything: ({ http, grpc }, token) => `# Any OpenTelemetry SDK or agent reads these.
${environment(http, token)
  .split('\n')
  .map(line => `export ${line.replace(/ \\$/, '')}`)
  .join('\n')}

# gRPC instead of HTTP: ${grpc} with OTEL_EXPORTER_OTLP_PROTOCOL=grpc`,
  collector: ({ http }, token) => `exporters:
  otlphttp/perfloop:
    endpoint: ${http}${
      token === undefined
        ? ''
        : `
    headers:
      authorization: Bearer ${token}`
    }

service:
  pipelines:
    traces:
      exporters: [otlphttp/perfloop]`,
  curl: ({ http }, token) => `now=$(date +%s)
curl ${http}/v1/traces -H 'content-type: application/json'${
    token === undefined ? '' : ` \\\n  -H 'authorization: Bearer ${token}'`
  } \\
  -d '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"hello"}}]},
  "scopeSpans":[{"spans":[{"traceId":"'$(openssl rand -hex 16)'","spanId":"'$(openssl rand -hex 8)'","kind":2,
  "name":"GET /hello","startTimeUnixNano":"'$now'000000000","endTimeUnixNano":"'$now'025000000"}]}]}]}'`,
}

function environment(endpoint: string, token: string | undefined): string {
  return [
    'OTEL_SERVICE_NAME=my-app \\',
    'OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=development \\',
    `OTEL_EXPORTER_OTLP_ENDPOINT=${endpoint} \\`,
    'OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf \\',
    ...(token === undefined
      ? []
      : [`OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20${token}" \\`]),
  ].join('\n')
}
