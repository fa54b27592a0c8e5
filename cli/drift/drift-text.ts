import type { DriftEvent } from '../../schemas/generated.ts'
import { grouped, oneLine, table } from '../text.ts'
import type { HarnessReport, ScenarioOutcome } from './harness.ts'

/** The table that stands in docs/DRIFT.md. */
export function harnessText({
  scenarios,
  quietWindows,
  falseAlarms,
  falseAlarmsPerThousand,
  plan,
}: HarnessReport): string {
  const rows = scenarios.map((one) => [
    one.scenario,
    one.kind,
    String(one.worlds),
    ...(one.kind === 'quiet' ? ['–', '–', '–'] : [delayText(one), String(one.missed), subjectsText(one)]),
    String(one.falseAlarms),
    one.cause ?? '–',
  ])
  const header = ['SCENARIO', 'KIND', 'WORLDS', 'WINDOWS TO ALARM', 'MISSED', 'ALARMS ON', 'FALSE ALARMS', 'FIRST SAID']
  const last = `${grouped(quietWindows)} quiet windows of about ${plan.reviewsAWindow} reviews: ${falseAlarms} false alarms, ${falseAlarmsPerThousand.toFixed(2)} per 1,000.\n`
  return table(header, rows) + last
}

function delayText({ delays }: ScenarioOutcome): string {
  if (delays.length === 0) return '–'
  const median = delays[Math.floor((delays.length - 1) / 2)] as number
  return `${median} (largest ${delays.at(-1) as number})`
}

/** How many of the worlds had an alarm on what. */
function subjectsText({ worldsBySubject }: ScenarioOutcome): string {
  const parts = Object.entries(worldsBySubject).map(([subject, worlds]) => `${subject} ${worlds}`)
  return parts.length === 0 ? '–' : parts.join(', ')
}

export function eventsText(events: readonly DriftEvent[]): string {
  if (events.length === 0) return 'No drift so far.\n'
  const rows = events.map(({ endMs, state, subject, modelName, modelVersion, cause }) => [
    new Date(endMs).toISOString().slice(0, 16),
    state,
    oneLine(subject),
    modelVersion === null ? '–' : oneLine(`${modelName ?? ''}@${modelVersion}`),
    oneLine(cause),
  ])
  return table(['WINDOW UNTIL', 'STATE', 'WHAT', 'MODEL', 'CAUSE'], rows)
}
