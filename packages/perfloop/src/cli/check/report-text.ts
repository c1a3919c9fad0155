import type pc from 'picocolors'
import { formatDuration } from '../../analyzers/words.ts'
import type { Severity } from '../../domain/severity.ts'
import type { CheckedFile, CheckedFinding } from './check-files.ts'

type Colors = ReturnType<typeof pc.createColors>

/** For people: what costs most first, where it is, what it costs, and what to do. */
export function reportText(files: readonly CheckedFile[], colors: Colors): string {
  return files.map(file => fileText(file, colors)).join('\n\n')
}

function fileText({ file, findings, warning }: CheckedFile, colors: Colors): string {
  const count = findings.length === 1 ? '1 finding' : `${findings.length} findings`
  const head = `${colors.bold(file)}: ${findings.length === 0 ? colors.green('nothing found') : count}`
  return [
    head,
    ...(warning === '' ? [] : [colors.yellow(`  ${warning}`)]),
    ...findings.map(finding => findingText(finding, colors)),
  ].join('\n\n')
}

const SEVERITY_COLOR: Readonly<Record<Severity, 'red' | 'magenta' | 'yellow' | 'cyan'>> = {
  critical: 'magenta',
  high: 'red',
  medium: 'yellow',
  low: 'cyan',
}

function findingText(finding: CheckedFinding, colors: Colors): string {
  const severity = colors[SEVERITY_COLOR[finding.severity]](finding.severity.toUpperCase())
  const where = [
    finding.service,
    finding.operation,
    ...(finding.codeLocation === undefined ? [] : [finding.codeLocation]),
  ].join(' · ')
  return [
    `  ${severity} ${colors.bold(finding.kind)}  ${finding.title}`,
    `    ${colors.dim(where)}`,
    `    ${colors.dim(`could spare ${formatDuration(finding.recoverableNsPerHour)} of this file · trace ${finding.traceId}`)}`,
    ...(finding.statementText === undefined ? [] : [`    ${short(finding.statementText)}`]),
    ...wrap(finding.description, 96).map(line => `    ${line}`),
  ].join('\n')
}

function short(statement: string): string {
  return statement.length > 160 ? `${statement.slice(0, 159)}…` : statement
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}
