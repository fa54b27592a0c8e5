import type { BatchWorker } from '../../platform/batch-worker.ts'
import { topicId } from '../../platform/input-record.ts'
import type { OutgoingRecord } from '../../platform/kafka-producer.ts'
import type { RecordCodec } from '../../platform/record-codec.ts'
import type { DeadLetter, LogPosition } from '../../schemas/generated.ts'
import { topics } from '../../schemas/topics.ts'

/** What today's code would do with a record, if it came now. */
export interface Rehearsal {
  readonly outcome: 'processed' | 'rejected' | 'dropped'
  /** Records that would be written, state changes left out. */
  readonly outputs: readonly { readonly topic: string; readonly key: string }[]
  readonly rejects: readonly { readonly code: string; readonly cause: string }[]
  readonly drops: Readonly<Record<string, number>>
}

interface Stage {
  /** Has restored the partition; afterwards its state is as before. */
  readonly worker: BatchWorker
  readonly codec: RecordCodec
  /** Where the record would be appended, and when. */
  readonly position: LogPosition
  readonly nowMs: number
}

/** Runs the failed step on a record, on the state as it is now, and makes nothing visible. */
export async function rehearse(record: OutgoingRecord, stage: Stage): Promise<Rehearsal> {
  const { worker, codec, position, nowMs } = stage
  const input = { ...position, appendedAtMs: nowMs, key: bytesOf(record.key), value: record.value, headers: [] }
  try {
    const { outgoing, drops } = await worker.compute([input], [{ ...position, offset: position.offset + 1 }])
    const declared = new Set(Object.values(topics).map(({ name }) => name))
    const rejects: Rehearsal['rejects'][number][] = []
    const outputs: Rehearsal['outputs'][number][] = []
    for (const { topic, key, value } of outgoing) {
      if (!declared.has(topic)) continue // the changelog
      if (topicId(topic) !== 'deadLetters') {
        outputs.push({ topic, key: key?.toString() ?? '' })
        continue
      }
      const decoded = await codec.decode<DeadLetter>('DeadLetter', value, false)
      if ('value' in decoded) rejects.push({ code: decoded.value.code, cause: decoded.value.cause })
    }
    const outcome = rejects.length > 0 ? 'rejected' : Object.keys(drops).length > 0 ? 'dropped' : 'processed'
    return { outcome, outputs, rejects, drops }
  } finally {
    worker.discard()
  }
}

function bytesOf(key: OutgoingRecord['key']): Buffer | null {
  return typeof key === 'string' ? Buffer.from(key) : key
}
