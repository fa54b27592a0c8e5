import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { RejectCounts } from './event-source.ts'

/** Longest excerpt of a rejected row, in bytes; the line number leads to the rest. */
const EXCERPT_BYTES = 2000

export interface RejectedRow {
  readonly file: string
  /** Line number, from 1. */
  readonly line: number
  readonly reason: string
  readonly bytes: Buffer
}

/** Where rows go that cannot be published: each is counted and written down, none is dropped silently. */
export interface RejectLog extends Disposable {
  readonly counts: RejectCounts
  add(row: RejectedRow): void
  firstOf(file: string): Omit<RejectedRow, 'bytes'> | undefined
}

/** Writes JSON lines to `file`, which is created with the first row; an older one is removed. */
export function openRejectLog(file: string): RejectLog {
  rmSync(file, { force: true })
  const counts = new Map<string, number>()
  const firsts = new Map<string, Omit<RejectedRow, 'bytes'>>()
  let handle: number | null = null
  return {
    counts,
    add(row) {
      if (!firsts.has(row.file)) firsts.set(row.file, { file: row.file, line: row.line, reason: row.reason })
      counts.set(row.reason, (counts.get(row.reason) ?? 0) + 1)
      mkdirSync(dirname(file), { recursive: true })
      handle ??= openSync(file, 'w')
      const excerpt = row.bytes.subarray(0, EXCERPT_BYTES).toString('utf8')
      const line = { file: basename(row.file), line: row.line, reason: row.reason, excerpt }
      writeFileSync(handle, `${JSON.stringify(line)}\n`)
    },
    firstOf: (path) => firsts.get(path),
    [Symbol.dispose]() {
      if (handle !== null) closeSync(handle)
      handle = null
    },
  }
}
