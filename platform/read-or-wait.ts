import type { Message } from '@confluentinc/kafka-javascript'
import type { GroupConsumer, ReadOptions } from './kafka-consumer.ts'
import { KafkaFault } from './kafka-fault.ts'
import { SpoilerError } from './spoiler-error.ts'
import type { TaskTelemetry } from './telemetry.ts'

interface ReadDeps {
  readonly consumer: Pick<GroupConsumer, 'read'>
  readonly telemetry: Pick<TaskTelemetry, 'dependencyUp' | 'dependencyDown'>
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

const PAUSE_MS = 100

/**
 * Reads what is there; while no broker answers it reads nothing, and the task is unready.
 *
 * @throws SpoilerError with `onError: 'exit'`: this client will never read again; a new process finds out why.
 */
export async function readOrWait(options: ReadOptions, { consumer, telemetry, pause }: ReadDeps): Promise<Message[]> {
  try {
    const polled = await consumer.read(options)
    telemetry.dependencyUp()
    return polled
  } catch (cause) {
    const error = readError(cause)
    if (error.onError !== 'retry') throw error
    telemetry.dependencyDown(error)
    await pause(PAUSE_MS, AbortSignal.timeout(PAUSE_MS))
    return []
  }
}

/** librdkafka's code of a position that the log does not hold, since no reset is allowed. */
const NO_SUCH_OFFSET = -140
const UNKNOWN_TOPIC = 3

function readError(cause: unknown): SpoilerError {
  const fault = cause instanceof KafkaFault ? cause : new KafkaFault('consuming', cause as Error)
  if (fault.code === NO_SUCH_OFFSET) {
    const doing = 'reading: the log does not hold the next offset; the next start tells which, and why'
    return new SpoilerError('SPL_OFFSET_OUT_OF_RETENTION', doing, { onError: 'exit', cause })
  }
  if (fault.code === UNKNOWN_TOPIC) {
    const doing = 'reading: a topic was deleted; the next start tells which'
    return new SpoilerError('SPL_TOPIC_MISSING', doing, { onError: 'exit', cause })
  }
  return new SpoilerError('SPL_BROKER_UNAVAILABLE', 'reading', { onError: fault.fatal ? 'exit' : 'retry', cause })
}
