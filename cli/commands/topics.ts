import type { Command } from 'commander'
import type { Config } from '../../platform/config.ts'
import { PartitionReader, READ_UNCOMMITTED } from '../../platform/kafka-consumer.ts'
import { findTopics, type FoundTopic, topicDifferences, type WantedTopic } from '../../platform/topic-admin.ts'
import { type CliContext, printJson } from '../context.ts'
import { assertBroker } from '../dependencies.ts'
import { ensurePipelineTopics, pipelineTopics } from '../pipeline.ts'
import { durationText, grouped, table } from '../text.ts'

const HELP = `
Records are counted as end less beginning of the log: transaction markers and records that compaction removed count too.

Examples:
  shield topics
  shield topics --json
  KAFKA_BROKERS=broker.example:9092 shield topics --create`

interface TopicReport {
  readonly name: string
  readonly partitions: number
  readonly cleanup: string
  /** -1 is without limit. */
  readonly retentionMs: number
  /** Null when the topic does not exist. */
  readonly records: number | null
  /** What the broker has otherwise than declared. */
  readonly differences: readonly string[]
}

export function addTopics(program: Command, context: CliContext): void {
  program
    .command('topics')
    .description('List the topics with their policies and records, and what differs on the broker')
    .option('--json', 'print one line of JSON for each topic')
    .option('--create', 'first create what is missing; nothing that exists is changed')
    .addHelpText('after', HELP)
    .action(async ({ json, create }: { readonly json?: boolean; readonly create?: boolean }) => {
      const config = context.config()
      await assertBroker(config)
      if (create === true) await ensurePipelineTopics(config, context.signal)
      const reports = await describeTopics(config)
      if (json === true) for (const report of reports) printJson(context, report)
      else context.stdout.write(topicsText(reports))
      if (reports.some(({ differences }) => differences.length > 0)) context.exitWith(1)
    })
}

async function describeTopics(config: Config): Promise<TopicReport[]> {
  const wanted = pipelineTopics(config)
  const found = await findTopics(config, wanted)
  await using reader = await PartitionReader.open(config, 'shield-topics', READ_UNCOMMITTED)
  return await Promise.all(wanted.map((topic) => reportOf(topic, found.get(topic.name), reader)))
}

async function reportOf(
  wanted: WantedTopic,
  found: FoundTopic | undefined,
  reader: PartitionReader,
): Promise<TopicReport> {
  const { name, partitions, settings } = wanted
  const retentionMs = Number(settings['retention.ms'])
  const declared = { name, partitions, cleanup: settings['cleanup.policy'] ?? '', retentionMs }
  if (found === undefined) return { ...declared, records: null, differences: [`${name} does not exist`] }
  const ends = await Promise.all(
    Array.from({ length: found.partitions }, (_, partition) => reader.watermarks({ topic: name, partition })),
  )
  const records = ends.reduce((sum, { low, high }) => sum + high - low, 0)
  return { ...declared, records, differences: topicDifferences(wanted, found) }
}

/** What a person reads. */
export function topicsText(reports: readonly TopicReport[]): string {
  const rows = reports.map(({ name, partitions, cleanup, retentionMs, records, differences }) => [
    name,
    String(partitions),
    cleanup,
    retentionMs === -1 ? 'for ever' : durationText(retentionMs),
    records === null ? '–' : grouped(records),
    differences.length === 0 ? 'as declared' : differences.join('; '),
  ])
  const text = table(['TOPIC', 'PARTITIONS', 'CLEANUP', 'KEPT', 'RECORDS', 'ON THE BROKER'], rows)
  const missing = reports.some(({ records }) => records === null)
  return missing ? `${text}\nWhat is missing is created by \`shield topics --create\`.\n` : text
}
