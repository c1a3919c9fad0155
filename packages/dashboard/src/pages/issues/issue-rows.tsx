import type { Issue } from '@perfloop/client'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { Severity } from '../../components/severity.tsx'
import { formatDuration } from '../../format/duration.ts'
import { toWords } from '../../format/label.ts'
import { FullIn } from './full-in.tsx'

/** Issues as sentences, with what would be won at the right. For places that are about something else. */
export function IssueRows({ issues }: { issues: readonly Issue[] }): ReactElement {
  const most = Math.max(...issues.map(issue => issue.recoverable_ns_per_hour), 1)
  return (
    <ul className="issue-rows">
      {issues.map(issue => (
        <li key={issue.id}>
          <Link to="/issues/$id" params={{ id: issue.id }} className="row-link">
            <Severity severity={issue.severity} />
            <span className="issue-text">
              <b>{issue.title}</b>
              <small>
                {toWords(issue.kind)} · {issue.service}
              </small>
            </span>
            <span className="issue-gain">
              {issue.recoverable_ns_per_hour > 0 ? (
                <>
                  <b>{formatDuration(issue.recoverable_ns_per_hour)}</b>
                  <small>per hour</small>
                  <i
                    aria-hidden="true"
                    style={{ width: `${(issue.recoverable_ns_per_hour / most) * 100}%` }}
                  />
                </>
              ) : (
                <FullIn issue={issue} />
              )}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  )
}
