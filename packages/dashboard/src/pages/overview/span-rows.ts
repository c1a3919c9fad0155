import type { LiveSpan } from '@perfloop/client'
import { formatDuration } from '../../format/duration.ts'

/** More than fit on any screen, so that a whole burst is in the document at least once. */
const MOST_ROWS = 120

/** Newest first; the oldest row is written over and moved to the top instead of making a new one. */
export function createSpanRows(list: HTMLElement): { add(spans: readonly LiveSpan[]): void } {
  return {
    add(spans) {
      const fresh = document.createDocumentFragment()
      // Of a burst larger than the list only the newest are kept.
      for (const span of spans.slice(-MOST_ROWS)) {
        const oldest = list.childElementCount + fresh.childElementCount >= MOST_ROWS
        const row = (oldest ? list.lastElementChild : null) ?? createRow()
        writeRow(row, span)
        fresh.prepend(row)
      }
      list.prepend(fresh)
    },
  }
}

function createRow(): HTMLElement {
  const row = document.createElement('li')
  const link = document.createElement('a')
  for (const part of ['live-mark', 'live-name', 'live-service', 'live-duration']) {
    const cell = document.createElement('span')
    cell.className = part
    link.append(cell)
  }
  row.append(link)
  return row
}

function writeRow(row: Element, span: LiveSpan): void {
  row.setAttribute('data-span-id', span.span_id)
  row.setAttribute('data-failed', String(span.failed))
  const link = row.firstElementChild
  if (!(link instanceof HTMLAnchorElement)) return
  link.href = `/traces/${span.trace_id}?span=${span.span_id}`
  const texts = [
    span.failed ? '✗' : '✓',
    span.operation,
    span.service,
    formatDuration(span.duration_ns),
  ]
  for (const [index, text] of texts.entries()) {
    const cell = link.children[index]
    if (cell !== undefined) cell.textContent = text
  }
  link.children[0]?.setAttribute('title', span.failed ? 'Failed' : 'Succeeded')
}
