import type { CheckedFile } from './check-files.ts'

/** The public JSON of `perfloop check`: fields are only added. */
export function reportJson(files: readonly CheckedFile[]): string {
  return JSON.stringify(
    {
      files: files.map(({ file, findings }) => ({
        file,
        findings: findings.map(finding => ({
          kind: finding.kind,
          severity: finding.severity,
          title: finding.title,
          service: finding.service,
          operation: finding.operation,
          fingerprint: finding.subject,
          traceId: finding.traceId,
          spanIds: finding.spanIds,
          evidence: finding.evidence,
          recoverableNsPerHour: finding.recoverableNsPerHour,
        })),
      })),
    },
    null,
    2,
  )
}
