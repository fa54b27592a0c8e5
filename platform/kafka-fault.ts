/** What librdkafka says about an error beyond its code; the runtime branches on these three facts. */
interface NativeError {
  readonly message?: string
  readonly code?: number
  readonly isFatal?: boolean
  readonly isRetriable?: boolean
  readonly isTxnRequiresAbort?: boolean
}

/** librdkafka's own code of a full local send queue. */
export const QUEUE_FULL = -184
/** librdkafka's own code of a client that will never work again; the flag does not come with it. */
const FATAL = -150
/** librdkafka's own code of an operation that ran into its time limit. */
export const TIMED_OUT = -185
/** Broker and transport are away: -195 transport, -187 all brokers down, -193 name resolution. */
const UNREACHABLE = new Set([-195, -187, -193, TIMED_OUT])
/** Broker's codes of a partition that has no leader yet, and of one that has another. */
const LEADER_MOVES = new Set([5, 6])

/** An error of the Kafka client. */
export class KafkaFault extends Error {
  override readonly name = 'KafkaFault'
  readonly code: number
  readonly fatal: boolean
  readonly retriable: boolean
  readonly requiresAbort: boolean

  constructor(doing: string, native: NativeError) {
    super(`${doing}: ${native.message ?? 'unknown Kafka error'}`, { cause: native })
    this.code = native.code ?? 0
    this.fatal = native.isFatal === true || this.code === FATAL
    this.retriable = native.isRetriable === true
    this.requiresAbort = native.isTxnRequiresAbort === true
  }

  get unreachable(): boolean {
    return UNREACHABLE.has(this.code)
  }

  /** A partition that was asked for gets, or got, another leader. */
  get leaderMoves(): boolean {
    return LEADER_MOVES.has(this.code)
  }
}

/** Turns a call that takes a Node-style callback into a promise whose rejection is a {@link KafkaFault}. */
export function promised<T>(
  doing: string,
  call: (callback: (error: NativeError | null | undefined, value?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const done = (error: NativeError | null | undefined, value?: T): void => {
      if (error) reject(new KafkaFault(doing, error))
      else resolve(value as T)
    }
    try {
      call(done)
    } catch (cause) {
      reject(new KafkaFault(doing, cause as NativeError))
    }
  })
}
