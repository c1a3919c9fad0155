import { type ReactElement, useEffect, useRef, useState } from 'react'
import { liveFeed } from '../../api/live-feed.ts'
import { Icon } from '../../components/icon.tsx'
import { Panel } from '../../components/panel.tsx'
import { formatCount } from '../../format/number.ts'
import { useScope } from '../../scope/use-scope.ts'
import { createSpanRows } from './span-rows.ts'

/**
 * Entry spans as they arrive. The rows are written to the document directly, in the very event that brought
 * them: React, which renders the frame around them, would add a pass over the page to every batch.
 */
export function LiveTail(): ReactElement {
  const list = useRef<HTMLOListElement>(null)
  const skippedText = useRef<HTMLSpanElement>(null)
  const [isPaused, setPaused] = useState(false)
  const { environment, service } = useScope()
  useEffect(() => {
    const element = list.current
    if (element === null || isPaused) return
    const rows = createSpanRows(element)
    let skippedInAll = 0
    return liveFeed.onSpans((spans, skipped) => {
      rows.add(
        spans.filter(
          span =>
            (environment === undefined || span.environment === environment) &&
            (service === undefined || span.service === service),
        ),
      )
      skippedInAll += skipped
      if (skippedInAll > 0 && skippedText.current !== null) {
        skippedText.current.textContent = `${formatCount(skippedInAll)} not shown`
      }
    })
  }, [isPaused, environment, service])
  return (
    <Panel
      title="Live"
      note={<span ref={skippedText}>entry spans as they arrive</span>}
      className="live-panel"
      flush
      actions={
        <button
          type="button"
          className="icon-button"
          aria-pressed={isPaused}
          aria-label={isPaused ? 'Go on' : 'Pause'}
          title={isPaused ? 'Go on' : 'Pause'}
          onClick={() => setPaused(!isPaused)}
        >
          <Icon name={isPaused ? 'play' : 'pause'} size={14} />
        </button>
      }
    >
      <div className="live-rows">
        <ol ref={list} aria-label="Spans as they arrive" />
        <p className="live-wait">Waiting for spans…</p>
      </div>
    </Panel>
  )
}
