import type { Command } from 'commander'
import { pino } from 'pino'
import type { FencedRow } from '../../connectors/feast-rows.ts'
import { ONLINE_TOPICS, ONLINE_VIEWS, onlineRow } from '../../connectors/online-rows.ts'
import { rebuildOnlineStore } from '../../connectors/redis-online-store-rebuild.ts'
import { openRedisOnlineStore } from '../../connectors/redis-online-store.ts'
import type { Config } from '../../platform/config.ts'
import { readTopic } from '../../platform/topic-reader.ts'
import { type CliContext, printJson } from '../context.ts'
import { assertBroker } from '../dependencies.ts'
import { readingCodec } from '../pipeline.ts'
import { grouped } from '../text.ts'

const HELP = `
The store may be in use meanwhile: a row that is newer already stays. May be interrupted and run again.

Examples:
  shield redis rebuild
  shield redis rebuild --remove-missing`

interface RebuildArguments {
  readonly json?: boolean
  readonly removeMissing?: boolean
}

export function addRedis(program: Command, context: CliContext): void {
  program
    .command('redis')
    .description('Care for the online store')
    .command('rebuild')
    .description('Refill the online store from user-features, movie-features and movie-plots')
    .option('--remove-missing', 'also remove rows that the topics do not have')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', HELP)
    .action((options: RebuildArguments) => rebuild(options, context))
}

async function rebuild({ json, removeMissing = false }: RebuildArguments, context: CliContext): Promise<void> {
  const config = context.config()
  await assertBroker(config)
  await using store = await openRedisOnlineStore(config, pino({ level: 'silent' }))
  const count = await rebuildOnlineStore(store, {
    views: ONLINE_VIEWS,
    openRows: () => rowsOf(config, context.signal),
    removeMissing,
  })
  if (json === true) printJson(context, count)
  else {
    const { written, stale, removed } = count
    const kept = `${grouped(stale)} were there already or superseded`
    context.stdout.write(`Wrote ${grouped(written)} rows; ${kept}; removed ${grouped(removed)}.\n`)
  }
}

/** @throws AbortError when interrupted: were it cut short instead, rows that were not read would count as missing. */
async function* rowsOf(config: Config, signal: AbortSignal): AsyncGenerator<FencedRow> {
  const codec = readingCodec(config)
  for (const topic of ONLINE_TOPICS) {
    for await (const { record, decoded } of readTopic(config, codec, topic, { from: 'beginning', follow: false })) {
      signal.throwIfAborted()
      if ('poison' in decoded) continue
      const row = onlineRow({ topic, offset: record.offset, value: decoded.value }, config.LINEAGE)
      if ('value' in row) yield row.value
    }
  }
}
