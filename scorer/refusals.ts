import { OutputCollector } from '../platform/batch-worker.ts'
import type { InputRecord } from '../platform/input-record.ts'
import type { KafkaConfig } from '../platform/kafka-connection.ts'
import { openIdempotentProducer } from '../platform/kafka-producer.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import type { ErrorCode } from '../schemas/errors.ts'

/**
 * Puts a deployment that cannot serve into `dead-letters`, as any record that cannot be processed. Outside the
 * transactions of the scores: a scorer that starts anew tries the deployment again, and may write a further letter.
 *
 * @throws KafkaFault when it was not acknowledged.
 */
export async function writeRefusal(
  { config, codec }: { readonly config: KafkaConfig; readonly codec: RecordCodec },
  record: InputRecord,
  { code, cause }: { readonly code: ErrorCode; readonly cause: string },
): Promise<void> {
  const output = new OutputCollector(codec, 'scorer')
  output.reject(record, code, cause)
  await using producer = await openIdempotentProducer(config, 'scorer-refusals')
  for (const letter of output.outgoing()) await producer.send(letter)
  await producer.flush()
}
