import { SpoilerError } from '../platform/spoiler-error.ts'
import { readByteLines } from './byte-lines.ts'
import type { RejectLog } from './reject-log.ts'
import { parseRow, type Read, type Row } from './row-fields.ts'

export interface UsableRow<T> {
  readonly value: T
  readonly line: number
  readonly bytes: Buffer
}

/** Rows that `read` accepts; the others go to the rejects. */
export async function* readRows<T>(
  file: string,
  read: (row: Row, line: number) => Read<T>,
  { rejects, onRead }: { readonly rejects: RejectLog; readonly onRead?: (sizeBytes: number) => void },
): AsyncGenerator<UsableRow<T>> {
  for await (const lines of readByteLines(file, onRead)) {
    for (const { number: line, bytes } of lines) {
      const row = parseRow(bytes)
      if (row === null) continue
      const result = row.ok ? read(row.value, line) : row
      if (result.ok) yield { value: result.value, line, bytes }
      else rejects.add({ file, line, reason: result.reason, bytes })
    }
  }
}

/** A file that gives nothing is a wrong file, not an empty job. */
export function nothingUsable(file: string, rejects: RejectLog): SpoilerError {
  const first = rejects.firstOf(file)
  const why = first ? `the first row refused is line ${first.line}: ${first.reason}` : 'it is empty'
  return new SpoilerError('SPL_INPUT_FILE_INVALID', `reading ${file}: no row can be used; ${why}`, { onError: 'stop' })
}
