import type { Logger } from 'pino'
import { OutputCollector } from '../platform/batch-worker.ts'
import type { InputRecord } from '../platform/input-record.ts'
import type { KafkaConfig } from '../platform/kafka-connection.ts'
import { openIdempotentProducer } from '../platform/kafka-producer.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import type { SpoilerError } from '../platform/spoiler-error.ts'
import type { ErrorCode } from '../schemas/errors.ts'
import type { DeploymentTelemetry } from './deployment-telemetry.ts'
import type { RunningTrial } from './trial.ts'

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

interface SetAsideDeps {
  readonly telemetry: Pick<DeploymentTelemetry, 'refused'>
  readonly refuse: (record: InputRecord, why: { readonly code: ErrorCode; readonly cause: string }) => Promise<void>
  readonly log: Logger
}

/** Tells of a challenger that was set aside, by a metric and a dead letter; scoring does not wait for it. */
export function setAsideTeller({ telemetry, refuse, log }: SetAsideDeps) {
  return (trial: RunningTrial, error: SpoilerError): void => {
    const { model, deploymentEpoch } = trial
    telemetry.refused({ deploymentEpoch, modelName: model.name, modelVersion: model.version }, error)
    const written = refuse(trial.record, { code: error.code, cause: error.message })
    written.catch((err: unknown) => {
      log.error({ err }, 'no dead letter of a challenger that was set aside')
    })
  }
}
