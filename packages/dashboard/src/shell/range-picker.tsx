import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, type ReactElement, useEffect, useRef, useState } from 'react'
import { Icon } from '../components/icon.tsx'
import { DEFAULT_RANGE, RANGES, type RangeName, type TimeRange } from '../scope/time-range.ts'
import { useScope } from '../scope/use-scope.ts'

export function RangePicker(): ReactElement {
  const { range } = useScope()
  const [isOpen, setOpen] = useState(false)
  const box = useRef<HTMLDivElement>(null)
  const opener = useRef<HTMLButtonElement>(null)
  const choose = useChooseRange()
  const close = (): void => {
    setOpen(false)
    // What had the focus goes with the popover: who works by keyboard goes on from here.
    opener.current?.focus()
  }
  useEffect(() => {
    if (!isOpen) return
    const chosen =
      box.current?.querySelector<HTMLElement>('[aria-pressed=true]') ??
      box.current?.querySelector<HTMLElement>('.popover button')
    chosen?.focus()
    const close = (event: Event): void => {
      if (event instanceof KeyboardEvent && event.key !== 'Escape') return
      if (event.type === 'pointerdown' && box.current?.contains(event.target as Node)) return
      setOpen(false)
      if (event instanceof KeyboardEvent) opener.current?.focus()
    }
    document.addEventListener('pointerdown', close)
    document.addEventListener('keydown', close)
    return () => {
      document.removeEventListener('pointerdown', close)
      document.removeEventListener('keydown', close)
    }
  }, [isOpen])
  return (
    <div className="range-picker" ref={box}>
      <button
        ref={opener}
        type="button"
        className="button"
        aria-expanded={isOpen}
        aria-haspopup="dialog"
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="clock" size={14} />
        <span>{range.label}</span>
        <Icon name="down" size={12} />
      </button>
      {isOpen && (
        <div className="popover" role="dialog" aria-label="Time range">
          <ul>
            {RANGES.map(({ name, label }) => (
              <li key={name}>
                <button
                  type="button"
                  aria-pressed={range.name === name}
                  onClick={() => {
                    choose.named(name)
                    close()
                  }}
                >
                  {label}
                  {range.name === name && <Icon name="check" size={14} />}
                </button>
              </li>
            ))}
          </ul>
          <CustomRange
            range={range}
            onChoose={(from, to) => {
              choose.custom(from, to)
              close()
            }}
          />
        </div>
      )}
    </div>
  )
}

export function useChooseRange(): {
  readonly named: (name: RangeName) => void
  readonly custom: (from: Date, to: Date) => void
} {
  const navigate = useNavigate()
  const go = (change: Record<string, string | undefined>): void => {
    void navigate({
      to: '.',
      search: (before: Record<string, unknown>) => ({
        ...before,
        range: undefined,
        from: undefined,
        to: undefined,
        ...change,
      }),
      resetScroll: false,
    } as never)
  }
  return {
    named: name => go({ range: name === DEFAULT_RANGE ? undefined : name }),
    custom: (from, to) => go({ from: from.toISOString(), to: to.toISOString() }),
  }
}

function CustomRange({
  range,
  onChoose,
}: {
  range: TimeRange
  onChoose: (from: Date, to: Date) => void
}): ReactElement {
  const [problem, setProblem] = useState('')
  // What is on screen, to begin with.
  const toMs = range.to === undefined ? Date.now() : Date.parse(range.to)
  const [shown] = useState({
    from: toLocalInput(toMs - range.seconds * 1_000),
    to: toLocalInput(toMs),
  })
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const from = new Date(String(form.get('from')))
    const to = new Date(String(form.get('to')))
    if (Number.isNaN(from.getTime()) || Number.isNaN(to.getTime())) {
      setProblem('Give both ends.')
    } else if (from >= to) {
      setProblem('The start must be before the end.')
    } else {
      onChoose(from, to)
    }
  }
  return (
    <form onSubmit={submit} className="custom-range">
      <label className="field">
        <span>From</span>
        <input type="datetime-local" name="from" defaultValue={shown.from} />
      </label>
      <label className="field">
        <span>To</span>
        <input type="datetime-local" name="to" defaultValue={shown.to} />
      </label>
      {problem !== '' && <p role="alert">{problem}</p>}
      <button type="submit" className="button">
        Show
      </button>
    </form>
  )
}

/** As a `datetime-local` field takes it: the reader's own time, to the minute, without a zone. */
function toLocalInput(unixMs: number): string {
  const offsetMs = new Date(unixMs).getTimezoneOffset() * 60_000
  return new Date(unixMs - offsetMs).toISOString().slice(0, 16)
}
