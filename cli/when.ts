import type { When } from '../connectors/dataset-source.ts'
import { parseDuration, parseInstant, usageError } from '../producers/arguments.ts'

/** As help texts explain it. */
export const WHEN_HELP = `  beginning, now         all there ever was; as it is now
  -2h, -30d              so long ago
  2026-11-21T10:00:00Z   from the first record appended since`

/** @throws SpoilerError SPL_USAGE */
export function parseWhen(text: string, nowMs: number): When {
  if (text === 'beginning' || text === 'now') return text
  try {
    return { timeMs: text.startsWith('-') ? nowMs - parseDuration(text.slice(1)) : parseInstant(text) }
  } catch {
    throw usageError(`"${text}" is no time; write beginning, now, -2h or 2026-11-21T10:00:00Z`)
  }
}
