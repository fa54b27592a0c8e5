import type { Logger } from 'pino'
import type { Config } from '../../platform/config.ts'
import { KafkaFault } from '../../platform/kafka-fault.ts'
import { PartitionReader, READ_UNCOMMITTED } from '../../platform/kafka-consumer.ts'
import type { RecordCodec } from '../../platform/record-codec.ts'
import { type KafkaRecordPublisher, openRecordPublisher } from '../../platform/record-publisher.ts'
import { pause } from '../../platform/retry.ts'
import { SpoilerError } from '../../platform/spoiler-error.ts'
import { readTopic } from '../../platform/topic-reader.ts'
import { committedValues, followTopic } from '../../platform/topic-values.ts'
import { controlEntry } from '../../schemas/control-entry.ts'
import type { ModelDeployment, TrainingJob, TrainingPolicy } from '../../schemas/generated.ts'
import { topics } from '../../schemas/topics.ts'
import { LiveTallies } from './live-tallies.ts'
import { JobPerformer, type Said } from './perform-jobs.ts'
import type { Launcher } from '../launchers/launcher.ts'

const LOOK_MS = 500
const LABELS_MS = 2000
const TALLIES_MS = 5000
const RETRY_MS = 1000
/** Labels are told when there are so many times more of them, so that the log stays short. */
const MORE_LABELS = 1.02

interface Link {
  readonly config: Config
  readonly codec: RecordCodec
  readonly launcher: Launcher
  readonly untilReady: () => Promise<boolean>
  readonly log: Logger
  readonly signal: AbortSignal
}

/**
 * All that control has of the world, for the instance that has the control log: tells it the policy and the labels, and
 * carries out its jobs. Ends when the signal aborts; an outage of the broker is waited out.
 */
export async function linkControl(link: Link): Promise<void> {
  const { config, codec, launcher, untilReady, log, signal } = link
  await using publisher = await openRecordPublisher(config, codec, 'control-link')
  const say = (entryId: string, said: Said): Promise<void> => untilDone(link, () => append(publisher, entryId, said))
  const performer = new JobPerformer({ launcher, say, untilReady, log })
  await say('policy', { policy: policyOf(config) })
  await sayEarlierDeployments(link, say)
  const known = await untilDone(link, () => learnAll(link, performer))
  await Promise.all([
    followJobs(link, performer, known ?? -1),
    sayLabels(link, say),
    sayTallies(link, say),
    repeat(signal, LOOK_MS, () => performer.look()),
  ])
}

async function append(publisher: KafkaRecordPublisher, entryId: string, said: Said): Promise<void> {
  await publisher.publish('controlLog', controlEntry({ entryId, by: 'control', ...said }))
  await publisher.flush()
}

function policyOf(config: Config): TrainingPolicy {
  return {
    automatic: config.TRAIN_AUTOMATICALLY,
    firstModelLabels: config.TRAIN_FIRST_LABELS,
    newLabels: config.TRAIN_NEW_LABELS,
    cooldownMs: config.TRAIN_COOLDOWN_MS,
    perDay: config.TRAIN_PER_DAY,
    canaryShare: config.CANARY_SHARE,
    plan: {
      split: config.TRAIN_SPLIT,
      maturityMs: config.TRAIN_MATURITY_MS,
      windowMs: config.TRAIN_WINDOW_MS,
      seed: 0,
    },
  }
}

type Say = (entryId: string, said: Said) => Promise<void>

/** What was deployed before there was a control, or while its log was lost: epochs go on from there. */
async function sayEarlierDeployments(link: Link, say: Say): Promise<void> {
  const newest = new Map<string, ModelDeployment>()
  await untilDone(link, async () => {
    for await (const deployment of committedValues(link.config, link.codec, 'modelDeployments'))
      if (deployment.deploymentEpoch > (newest.get(deployment.slot)?.deploymentEpoch ?? 0))
        newest.set(deployment.slot, deployment)
  })
  for (const deployment of newest.values()) await say(`deployment-${deployment.slot}`, { deployment })
}

/** @returns the offset of the last record: what is older than a job's newest record must not be carried out. */
async function learnAll({ config, codec }: Link, performer: JobPerformer): Promise<number> {
  let last = -1
  for await (const { record, decoded } of readTopic(config, codec, 'trainingJobs', {
    from: 'beginning',
    follow: false,
  })) {
    if ('value' in decoded) performer.learn(decoded.value)
    last = record.offset
  }
  return last
}

async function followJobs({ config, codec, signal, log }: Link, performer: JobPerformer, known: number): Promise<void> {
  let last = known
  for await (const { record, decoded } of followTopic(config, codec, 'trainingJobs', { signal, log })) {
    if (record.offset <= last) continue // it begins anew after an outage
    last = record.offset
    if ('value' in decoded) performer.learn(decoded.value satisfies TrainingJob)
  }
}

/** How many labels were published, from the ends of their topic: more than there are, where a label was revised. */
async function sayLabels(link: Link, say: Say): Promise<void> {
  await using edges = await PartitionReader.open(link.config, 'control-labels', READ_UNCOMMITTED)
  const topic = topics.reviewLabels.name
  let told = 0
  await repeat(link.signal, LABELS_MS, async () => {
    const labels = await untilDone(link, async () => {
      const partitions = Array.from({ length: await edges.partitionCount(topic) }, (_, partition) => partition)
      const ends = await Promise.all(partitions.map((partition) => edges.watermarks({ topic, partition })))
      return ends.reduce((sum, { high }) => sum + high, 0)
    })
    if (labels === undefined || labels <= told * MORE_LABELS) return
    await say('labels', { labels })
    told = labels
  })
}

/** How the versions of the slots have done on labelled reviews, while there are two of them. */
async function sayTallies({ config, codec, signal, log }: Link, say: Say): Promise<void> {
  const live = new LiveTallies()
  const follow = async (): Promise<void> => {
    for await (const { decoded } of followTopic(config, codec, 'qualityCounters', { signal, log }))
      if ('value' in decoded) live.count(decoded.value)
  }
  const followSlots = async (): Promise<void> => {
    for await (const { decoded } of followTopic(config, codec, 'modelDeployments', { signal, log }))
      if ('value' in decoded) live.deploy(decoded.value)
  }
  let told = ''
  const tell = async (): Promise<void> => {
    const tallies = live.now()
    if (tallies === null || JSON.stringify(tallies) === told) return
    await say('tallies', { tallies })
    told = JSON.stringify(tallies)
  }
  await Promise.all([follow(), followSlots(), repeat(signal, TALLIES_MS, tell)])
}

async function repeat(signal: AbortSignal, everyMs: number, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work()
    await pause(everyMs, signal)
  }
}

/** Tries again while a dependency is down. Undefined when the signal aborted first. */
async function untilDone<T>({ signal, log }: Link, work: () => Promise<T>): Promise<T | undefined> {
  while (!signal.aborted) {
    try {
      return await work()
    } catch (error) {
      const passes =
        (error instanceof KafkaFault && !error.fatal) || (error instanceof SpoilerError && error.onError === 'retry')
      if (!passes) throw error
      log.warn({ err: error }, 'a dependency is down; trying again soon')
      await pause(RETRY_MS, signal)
    }
  }
  return undefined
}
