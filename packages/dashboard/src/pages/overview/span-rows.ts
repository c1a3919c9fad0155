import type { LiveSpan } from '@perfloop/client'
import { formatDuration } from '../../format/duration.ts'

/** More than fit on any screen, so that a whole burst is in the document at least once. */
const MOST_ROWS = 120
const ROW_HEIGHT = 26
/** Browsers lose precision beyond some 30 million pixels: long before that the rows are counted anew. */
const MOST_COUNTED = 200_000

/**
 * Newest first. Every row stays where it was laid out, one above the one before, and the list as a whole is moved
 * down by a transform: nothing is laid out again for a new row, and the page does not count as shifting. The oldest
 * row is written over instead of making a new one.
 */
export function createSpanRows(list: HTMLElement): { add(spans: readonly LiveSpan[]): void } {
  let counted = 0
  list.replaceChildren()
  return {
    add(spans) {
      if (counted > MOST_COUNTED) {
        counted = 0
        list.replaceChildren()
      }
      // Of a burst larger than the list only the newest are kept.
      for (const span of spans.slice(-MOST_ROWS)) {
        counted += 1
        const oldest = list.childElementCount < MOST_ROWS ? null : list.lastElementChild
        const row = oldest instanceof HTMLElement ? oldest : createRow()
        writeRow(row, span)
        row.style.top = `${-counted * ROW_HEIGHT}px`
        list.prepend(row)
      }
      list.style.transform = `translateY(${counted * ROW_HEIGHT}px)`
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

function writeRow(row: HTMLElement, span: LiveSpan): void {
  row.dataset.spanId = span.span_id
  row.dataset.failed = String(span.failed)
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
