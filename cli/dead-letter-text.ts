import type { Rehearsal } from '../replay/dead-letters/rehearse.ts'
import type { TrackedLetter } from '../replay/dead-letters/letters.ts'
import type { FoundLateRecords, FoundLetters } from './dead-letters.ts'
import { bytesPreview, plainValue } from './record-text.ts'
import { letterId, positionText } from '../schemas/topics.ts'
import { clip, durationText, grouped, oneLine, table } from './text.ts'

const CAUSE_COLUMNS = 60
const PREVIEW_COLUMNS = 60

/** What a person reads of a list. */
export function lettersText({ newest, total }: FoundLetters, nowMs: number): string {
  if (total === 0) return 'No dead letters.\n'
  const rows = newest.map(({ letter, deadAtMs, resolution }) => [
    letter.code,
    letterId(letter),
    resolution?.action ?? 'open',
    durationText(Math.max(0, nowMs - deadAtMs)),
    clip(oneLine(letter.cause), CAUSE_COLUMNS),
    bytesPreview(letter.value, PREVIEW_COLUMNS),
  ])
  const text = table(['CODE', 'ID', 'STATE', 'AGE', 'CAUSE', 'BYTES'], rows)
  return newest.length === total ? text : `${text}\nThe newest ${newest.length} of ${grouped(total)}; see --limit.\n`
}

export function lateRecordsText({ newest, total }: FoundLateRecords, nowMs: number): string {
  if (total === 0) return 'Nothing came too late.\n'
  const rows = newest.map(({ record: { reason, component, source, label }, lateAtMs }) => [
    reason,
    component,
    positionText(source),
    durationText(Math.max(0, nowMs - lateAtMs)),
    label === null ? '–' : oneLine(`label of review ${label.reviewId} by ${label.userId}`),
  ])
  const text = table(['REASON', 'COMPONENT', 'SOURCE', 'AGE', 'RECORD'], rows)
  return newest.length === total ? text : `${text}\nThe newest ${newest.length} of ${grouped(total)}; see --limit.\n`
}

/** A letter as `--json` prints it. */
export function letterLine({ letter, deadAtMs, resolution }: TrackedLetter): object {
  return {
    id: letterId(letter),
    state: resolution?.action ?? 'open',
    deadAt: new Date(deadAtMs).toISOString(),
    ...(plainValue(letter) as object),
    resolution: resolution ?? null,
  }
}

/** Everything about one letter. */
export function letterText({ letter, deadAtMs, resolution }: TrackedLetter): string {
  const { code, cause, component, source, appendedAtMs, attempts, key, value, headers } = letter
  const facts: [string, string][] = [
    ['letter', letterId(letter)],
    ['code', code],
    ['cause', cause],
    ['component', `${component}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`],
    ['source', `${positionText(source)}, appended ${new Date(appendedAtMs).toISOString()}`],
    ['dead since', new Date(deadAtMs).toISOString()],
    ['key', bytesPreview(key)],
    [
      'value',
      value === null
        ? 'none: it was empty, or too large for a letter'
        : `${grouped(value.length)} bytes: ${bytesPreview(value)}`,
    ],
    ...Object.entries(headers).map(([name, bytes]): [string, string] => ['header', `${name}: ${bytesPreview(bytes)}`]),
    ['state', resolution === undefined ? 'open' : resolution.action],
  ]
  if (resolution !== undefined) {
    const { decidedBy, decidedAtMs, reason, edits } = resolution
    facts.push(['decided', `${new Date(decidedAtMs).toISOString()} by ${decidedBy}: ${reason}`])
    for (const { field, before, after } of edits)
      facts.push(['edit', `${field || 'whole value'}: ${before ?? '–'} -> ${after}`])
  }
  const width = Math.max(...facts.map(([name]) => name.length))
  return facts.map(([name, text]) => `${name.padEnd(width)}  ${oneLine(text)}\n`).join('')
}

/** What would happen, in one line. */
export function rehearsalText({ outcome, outputs, rejects, drops }: Rehearsal): string {
  if (outcome === 'rejected')
    return `refused: ${rejects.map(({ code, cause }) => `${code}: ${oneLine(cause)}`).join('; ')}`
  if (outcome === 'dropped') return `left out: ${Object.keys(drops).join(', ')}`
  if (outputs.length === 0) return 'taken; nothing is written but state'
  return `taken; writes ${outputs.map(({ topic, key }) => `${topic} (${oneLine(key)})`).join(', ')}`
}
