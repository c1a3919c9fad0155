import { isAbsolute, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Analyzer } from '../../analysis/analyzer.ts'
import type { Severity } from '../../domain/severity.ts'
import type { CheckedFile, CheckedFinding } from './check-files.ts'

const LEVELS: Readonly<Record<Severity, 'note' | 'warning' | 'error'>> = {
  low: 'note',
  medium: 'warning',
  high: 'error',
  critical: 'error',
}

/** SARIF 2.1.0 (OASIS, 2020), for code hosts that show findings beside the code. */
export function reportSarif(
  files: readonly CheckedFile[],
  analyzers: readonly Analyzer[],
  version: string,
): string {
  const rules = analyzers.map(({ kind, title, description }) => ({
    id: kind,
    name: title,
    shortDescription: { text: title },
    fullDescription: { text: description },
    defaultConfiguration: { level: 'warning' },
  }))
  return JSON.stringify(
    {
      $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
      version: '2.1.0',
      runs: [
        {
          tool: { driver: { name: 'perfloop', version, rules } },
          columnKind: 'utf16CodeUnits',
          invocations: [{ executionSuccessful: true }],
          artifacts: files.map(({ file }) => ({ location: { uri: uriOf(file) } })),
          results: files.flatMap(({ file, findings }, fileIndex) =>
            findings.map(finding => ({
              ruleId: finding.kind,
              ruleIndex: rules.findIndex(({ id }) => id === finding.kind),
              level: LEVELS[finding.severity],
              rank: Math.round(finding.confidence * 100),
              message: { text: `${finding.title}. ${finding.description}` },
              locations: [locationOf(finding, file, fileIndex)],
              partialFingerprints: { 'perfloopIssue/v1': identityOf(finding) },
              properties: {
                severity: finding.severity,
                service: finding.service,
                operation: finding.operation,
                environment: finding.environment,
                traceId: finding.traceId,
                spanIds: finding.spanIds,
                statement: finding.statementText ?? null,
                recoverableNsPerHour: finding.recoverableNsPerHour,
                evidence: finding.evidence,
              },
            })),
          ),
        },
      ],
    },
    null,
    2,
  )
}

/** The line that issued it where the telemetry has it; else the trace file. */
function locationOf(finding: CheckedFinding, file: string, fileIndex: number) {
  const code = /^(.+?):(\d+)$/.exec(finding.codeLocation ?? '')
  const [path, line] =
    code === null ? [finding.codeLocation, undefined] : [code[1], Number(code[2])]
  const physicalLocation =
    path === undefined
      ? { artifactLocation: { uri: uriOf(file), index: fileIndex }, region: { startLine: 1 } }
      : {
          artifactLocation: { uri: uriOf(path) },
          region: { startLine: Math.max(1, line ?? 1) },
        }
  return {
    physicalLocation,
    logicalLocations: [
      { name: finding.operation, fullyQualifiedName: `${finding.service}/${finding.operation}` },
    ],
  }
}

function identityOf({ kind, environment, service, operation, subject }: CheckedFinding): string {
  return [kind, environment, service, operation, subject].join('/')
}

function uriOf(path: string): string {
  if (isAbsolute(path)) return pathToFileURL(path).href
  return path.split(sep).map(encodeURIComponent).join('/')
}
