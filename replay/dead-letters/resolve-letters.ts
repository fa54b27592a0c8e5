import type { OutgoingRecord } from '../../platform/kafka-producer.ts'
import type { RecordCodec } from '../../platform/record-codec.ts'
import { commitBatch, type Transactional } from '../../platform/transaction.ts'
import type { DeadLetterResolution } from '../../schemas/generated.ts'
import { topics } from '../../schemas/topics.ts'

/** A decision about a letter, and the record that goes back with it. */
export interface Decision {
  readonly resolution: DeadLetterResolution
  /** Null where nothing goes back. */
  readonly record: OutgoingRecord | null
}

interface ResolveDeps extends Transactional {
  readonly codec: RecordCodec
  readonly signal: AbortSignal
  readonly onProgress: (done: number) => void
}

const DECISIONS_PER_TRANSACTION = 200

/**
 * Appends the records and writes the decisions down, both in one transaction: a letter is never replayed without its
 * resolution, so that a run that was killed goes on where it stopped. Ends early, between transactions, when the signal
 * aborts.
 *
 * @returns How many decisions are visible.
 * @throws SpoilerError as commitBatch; SPL_TRANSACTION_FATAL also when another run of the same command began meanwhile.
 */
export async function resolveLetters(decisions: readonly Decision[], deps: ResolveDeps): Promise<number> {
  const { codec, signal, onProgress } = deps
  const { name, schema, key } = topics.deadLetterResolutions
  let done = 0
  while (done < decisions.length && !signal.aborted) {
    const chunk = decisions.slice(done, done + DECISIONS_PER_TRANSACTION)
    const outgoing = chunk.flatMap(({ resolution, record }) => {
      const value = codec.encode({ subject: `${name}-value`, schema }, resolution)
      const decided = { topic: name, partition: null, key: key(resolution), value }
      return record === null ? [decided] : [record, decided]
    })
    await commitBatch({ outgoing }, deps)
    done += chunk.length
    onProgress(done)
  }
  return done
}
