import { type RefObject, useEffect, useState } from 'react'

/** Rows kept ready above and below the visible ones, so that scrolling does not flash. */
const OVERSCAN = 12

export function useVisibleRows(
  scroller: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
): { readonly from: number; readonly to: number } {
  const [range, setRange] = useState({ from: 0, to: 60 })
  useEffect(() => {
    const element = scroller.current
    if (element === null) return
    const measure = (): void => {
      const from = Math.max(0, Math.floor(element.scrollTop / rowHeight) - OVERSCAN)
      const to = Math.ceil((element.scrollTop + element.clientHeight) / rowHeight) + OVERSCAN
      setRange(before => (before.from === from && before.to === to ? before : { from, to }))
    }
    measure()
    element.addEventListener('scroll', measure, { passive: true })
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => {
      element.removeEventListener('scroll', measure)
      observer.disconnect()
    }
  }, [scroller, rowHeight])
  return { from: Math.min(range.from, Math.max(0, count - 1)), to: Math.min(range.to, count) }
}
