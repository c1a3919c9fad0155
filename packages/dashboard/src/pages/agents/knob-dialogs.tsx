import type { Agent, Knob } from '@perfloop/client'
import { useQueryClient } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import { perfloop } from '../../api/perfloop.ts'
import { ActionDialog } from '../../components/action-dialog.tsx'
import { Select } from '../../components/select.tsx'
import { formatKnobValue } from '../../format/knob-value.ts'

const MINUTE_MS = 60_000
const TIMES = [
  { value: String(10 * MINUTE_MS), label: 'for 10 minutes' },
  { value: String(60 * MINUTE_MS), label: 'for an hour' },
  { value: String(24 * 60 * MINUTE_MS), label: 'for a day' },
  { value: String(7 * 24 * 60 * MINUTE_MS), label: 'for a week' },
]

interface DialogProps {
  readonly agent: Agent
  readonly knob: Knob
  readonly onClose: () => void
}

export function TurnKnob({ agent, knob, onClose }: DialogProps): ReactElement {
  const queries = useQueryClient()
  const { environment, service } = agent
  const [value, setValue] = useState(
    String(Math.max(knob.minimum, Math.min(knob.value, knob.maximum))),
  )
  const [forMs, setForMs] = useState(String(60 * MINUTE_MS))
  return (
    <ActionDialog
      title={`Turn ${knob.name}`}
      confirm="Turn it"
      onConfirm={async reason => {
        await perfloop.turnKnob({
          environment,
          service,
          name: knob.name,
          value: Number(value),
          for_ms: Number(forMs),
          ...(reason === '' ? {} : { reason }),
        })
        await queries.invalidateQueries({ queryKey: ['agents'] })
      }}
      onClose={onClose}
    >
      <p>
        All instances of {service} in {environment} take the value at once. They put it back by
        themselves when its time is over, and when Perfloop is gone.
      </p>
      <label className="field">
        <span>
          Value{' '}
          <em>
            {formatKnobValue(knob.minimum, '')} to {formatKnobValue(knob.maximum, knob.unit)}, as
            the application allows
          </em>
        </span>
        <input
          type="number"
          required
          // A browser counts steps from the minimum, which a host may have set to no whole number.
          min={knob.whole ? Math.ceil(knob.minimum) : knob.minimum}
          max={knob.whole ? Math.floor(knob.maximum) : knob.maximum}
          step={knob.whole ? 1 : 'any'}
          inputMode={knob.whole ? 'numeric' : 'decimal'}
          value={value}
          onChange={event => setValue(event.target.value)}
        />
      </label>
      <Select label="For how long" value={forMs} options={TIMES} onChoose={setForMs} />
    </ActionDialog>
  )
}

export function PutBack({ agent, knob, onClose }: DialogProps): ReactElement {
  const queries = useQueryClient()
  const { environment, service } = agent
  return (
    <ActionDialog
      title={`Put ${knob.name} back?`}
      confirm="Put it back"
      onConfirm={async reason => {
        await perfloop.putKnobBack({
          environment,
          service,
          name: knob.name,
          ...(reason === '' ? {} : { reason }),
        })
        await queries.invalidateQueries({ queryKey: ['agents'] })
      }}
      onClose={onClose}
    >
      <p>
        All instances of {service} in {environment} go back to what each has set itself;{' '}
        {agent.instance} to {formatKnobValue(knob.own_value, knob.unit)}.
      </p>
    </ActionDialog>
  )
}
