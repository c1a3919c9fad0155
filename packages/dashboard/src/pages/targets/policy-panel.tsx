import type { Policy } from '@perfloop/client'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import { perfloop } from '../../api/perfloop.ts'
import { policyQuery } from '../../api/queries.ts'
import { ActionDialog } from '../../components/action-dialog.tsx'
import { Badge } from '../../components/badge.tsx'
import { Icon } from '../../components/icon.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { toWords } from '../../format/label.ts'

const MODES = {
  observe: 'propose and prove, change nothing',
  approve: 'change when somebody approves',
  auto: 'change by itself, measure, and undo on regression',
} as const

/** Who may change what, and the one switch that stops it all. */
export function PolicyPanel(): ReactElement {
  const query = useQuery(policyQuery())
  return (
    <>
      <Panel title="Kill switch">
        <Loaded query={query} skeleton={<Skeleton height={70} />}>
          {policy => <KillSwitch policy={policy} />}
        </Loaded>
      </Panel>
      <Panel title="Policy" note="the first rule that matches decides">
        <Loaded query={query} skeleton={<Skeleton height={120} />}>
          {policy => <Rules policy={policy} />}
        </Loaded>
      </Panel>
    </>
  )
}

function KillSwitch({ policy }: { policy: Policy }): ReactElement {
  const queries = useQueryClient()
  const [isAsking, setAsking] = useState(false)
  const engaged = policy.kill_switch
  return (
    <>
      <p>
        {engaged ? (
          <>
            <Badge tone="bad">engaged</Badge> Nothing is applied.{' '}
            {policy.kill_switch_reason !== null && `“${policy.kill_switch_reason}”`}
          </>
        ) : (
          <>
            <Badge tone="good">released</Badge> Changes are made as the policy allows.
          </>
        )}
      </p>
      <p className="spaced">
        <button
          type="button"
          className="button"
          data-kind={engaged ? undefined : 'danger'}
          onClick={() => setAsking(true)}
        >
          <Icon name="stop" size={14} /> {engaged ? 'Release' : 'Stop all changes'}
        </button>
      </p>
      {isAsking && (
        <ActionDialog
          title={engaged ? 'Release the kill switch?' : 'Stop all changes?'}
          confirm={engaged ? 'Release' : 'Stop all changes'}
          danger={!engaged}
          onConfirm={async reason => {
            const next = await perfloop.setKillSwitch({
              engaged: !engaged,
              ...(reason === '' ? {} : { reason }),
            })
            queries.setQueryData(policyQuery().queryKey, next)
          }}
          onClose={() => setAsking(false)}
        >
          <p>
            {engaged
              ? 'Approved and automatic changes go on as the policy allows.'
              : 'Nothing is applied until it is released. Measuring, proposing and rolling back go on.'}
          </p>
        </ActionDialog>
      )}
    </>
  )
}

type Rule = Policy['rules'][number]

function Rules({ policy }: { policy: Policy }): ReactElement {
  const queries = useQueryClient()
  const [draft, setDraft] = useState<readonly Rule[]>()
  const save = async (): Promise<void> => {
    if (draft === undefined) return
    queries.setQueryData(policyQuery().queryKey, await perfloop.setPolicy([...draft]))
  }
  return (
    <>
      <ol className="rules">
        {policy.rules.map(rule => (
          <li key={JSON.stringify(rule)}>
            <Badge tone={rule.mode === 'auto' ? 'warn' : 'info'}>{rule.mode}</Badge>
            <span>
              {rule.kind === '*' ? 'every change' : toWords(rule.kind)}
              {rule.environment !== '*' && ` in ${rule.environment}`}
              {rule.service !== '*' && ` of ${rule.service}`}
              <small> {MODES[rule.mode]}</small>
            </span>
          </li>
        ))}
        <li>
          <Badge>observe</Badge>
          <span>
            everything else <small>{MODES.observe}; you approve each one</small>
          </span>
        </li>
      </ol>
      <p className="spaced">
        <button type="button" className="button" onClick={() => setDraft(policy.rules)}>
          Edit the rules
        </button>
      </p>
      {draft !== undefined && (
        <ActionDialog
          title="Policy"
          confirm="Save"
          reason="none"
          onConfirm={save}
          onClose={() => setDraft(undefined)}
        >
          <RuleEditor rules={draft} onChange={setDraft} />
        </ActionDialog>
      )}
    </>
  )
}

function RuleEditor({
  rules,
  onChange,
}: {
  rules: readonly Rule[]
  onChange: (rules: readonly Rule[]) => void
}): ReactElement {
  const change = (at: number, part: Partial<Rule>): void =>
    onChange(rules.map((rule, index) => (index === at ? { ...rule, ...part } : rule)))
  return (
    <>
      <p className="quiet">
        <code>*</code> means any. What no rule matches is only observed.
      </p>
      {rules.map((rule, index) => (
        // Rules are their place in the order.
        <fieldset key={index} className="rule">
          <legend className="visually-hidden">Rule {index + 1}</legend>
          {(['kind', 'environment', 'service'] as const).map(name => (
            <label key={name} className="field">
              <span>{toWords(name)}</span>
              <input
                value={rule[name]}
                required
                onChange={event => change(index, { [name]: event.target.value })}
              />
            </label>
          ))}
          <label className="field">
            <span>Mode</span>
            <select
              value={rule.mode}
              onChange={event => change(index, { mode: event.target.value as Rule['mode'] })}
            >
              {Object.entries(MODES).map(([mode, words]) => (
                <option key={mode} value={mode} title={words}>
                  {mode}
                </option>
              ))}
            </select>
          </label>
          <button
            type="button"
            className="icon-button"
            aria-label={`Remove rule ${index + 1}`}
            onClick={() => onChange(rules.filter((_, at) => at !== index))}
          >
            <Icon name="close" size={14} />
          </button>
        </fieldset>
      ))}
      <button
        type="button"
        className="button small"
        onClick={() =>
          onChange([...rules, { kind: '*', environment: '*', service: '*', mode: 'approve' }])
        }
      >
        <Icon name="plus" size={14} /> Add a rule
      </button>
    </>
  )
}
