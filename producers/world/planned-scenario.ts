import { parseDuration, usageError } from '../arguments.ts'
import type { ScenarioWindow } from './scenario.ts'
import { GRADUAL_SCENARIOS, scenarioNamed, SCENARIOS, SEASONAL_SCENARIOS, SUDDEN_SCENARIOS } from './scenarios.ts'

/** A scenario as it is asked for: event time since the beginning of the world; null is the end. */
export interface PlannedScenario {
  readonly name: string
  readonly fromMs: number
  readonly toMs: number | null
}

export const SCENARIO_HELP = `
Scenarios, in event time since the beginning of the world (from and to may be left out):
  sudden    ${SUDDEN_SCENARIOS.join(', ')}
  gradual   ${GRADUAL_SCENARIOS.join(', ')}
  no drift  ${SEASONAL_SCENARIOS.join(', ')}`

/** `NAME`, `NAME@30d`, `NAME@30d..60d`. @throws SpoilerError SPL_USAGE */
export function parseScenario(text: string): PlannedScenario {
  const [name = '', window = '', ...rest] = text.split('@')
  if (!SCENARIOS.includes(name) || rest.length > 0)
    throw usageError(`"${text}" is no scenario; there are ${SCENARIOS.join(', ')}, each as NAME or NAME@from..to`)
  const [from = '', to = '', ...more] = window.split('..')
  const fromMs = from === '' ? 0 : parseDuration(from)
  const toMs = to === '' ? null : parseDuration(to)
  if (more.length > 0 || (toMs !== null && toMs <= fromMs))
    throw usageError(`"${window}" is no window of event time; write for example ${name}@30d..60d`)
  return { name, fromMs, toMs }
}

/** @param lengthMs Event time from the beginning of the world to its end. */
export function windowOf({ name, fromMs, toMs }: PlannedScenario, lengthMs: number): ScenarioWindow {
  return { scenario: scenarioNamed(name), fromMs, toMs: toMs ?? Math.max(lengthMs, fromMs + 1) }
}
