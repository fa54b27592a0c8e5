import { DeadlineError, SYSTEM_TIMERS, type Timers, withDeadline } from './deadline.ts'
import type { GroupMetadata, PartitionOffset } from './kafka-consumer.ts'
import { KafkaFault } from './kafka-fault.ts'
import type { OutgoingRecord, TransactionalProducer } from './kafka-producer.ts'
import { SpoilerError } from './spoiler-error.ts'

/** Records that become visible together. */
export interface Outputs {
  /** In log order. */
  readonly outgoing: readonly OutgoingRecord[]
}

/** Everything that one transaction of a task makes visible: outputs, changelog records, and how far it has read. */
export interface ComputedBatch extends Outputs {
  readonly nextOffsets: readonly PartitionOffset[]
  readonly groupMetadata: GroupMetadata
}

export interface Transactional {
  readonly producer: TransactionalProducer
  readonly stepDeadlineMs: number
  readonly timers?: Timers
}

/**
 * Makes one computed batch visible: outputs, state changes and input offsets together, or not at all.
 * The batch holds the group metadata that was current when it was polled: a later generation must not vouch for it.
 *
 * @throws SpoilerError SPL_TRANSACTION_ABORTED: discard the overlay, rewind to the committed offsets.
 * @throws SpoilerError SPL_TRANSACTION_FATAL, SPL_TRANSACTION_STUCK: the process must exit (fenced; librdkafka #5456).
 */
export async function commitBatch(batch: ComputedBatch | Outputs, transactional: Transactional): Promise<void> {
  const { producer, stepDeadlineMs, timers = SYSTEM_TIMERS } = transactional
  const step = (name: string, run: (signal: AbortSignal) => Promise<void>): Promise<void> =>
    withDeadline(name, stepDeadlineMs, run, timers)
  try {
    await step('begin', () => producer.begin())
    // 1. outputs and changelog, in log order
    await step('send', () => producer.sendAll(batch.outgoing))
    // 2. input offsets of a task, fenced by the generation of the poll
    if ('nextOffsets' in batch)
      await step('offsets', async () => producer.sendOffsets(batch.nextOffsets, batch.groupMetadata))
    // 3. visible; a retriable failure is the same call again, within the deadline
    await step('commit', (signal) => retryWhileRetriable(signal, () => producer.commit()))
  } catch (cause) {
    if (!(cause instanceof KafkaFault && cause.requiresAbort)) throw exitWith(cause)
    await step('abort', (signal) => retryWhileRetriable(signal, () => producer.abort())).catch(
      (abortCause: unknown) => {
        throw exitWith(abortCause)
      },
    )
    throw new SpoilerError('SPL_TRANSACTION_ABORTED', 'committing a batch', { onError: 'retry', cause })
  }
}

async function retryWhileRetriable(signal: AbortSignal, call: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    try {
      await call()
      return
    } catch (cause) {
      if (!(cause instanceof KafkaFault && cause.retriable && !cause.fatal && !cause.requiresAbort)) throw cause
      // a pause of one turn, so that a failure that comes at once cannot starve the deadline's timer
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

function exitWith(cause: unknown): SpoilerError {
  const code = cause instanceof DeadlineError ? 'SPL_TRANSACTION_STUCK' : 'SPL_TRANSACTION_FATAL'
  return new SpoilerError(code, 'committing a batch; the process exits and its supervisor starts it anew', {
    onError: 'exit',
    cause,
  })
}
