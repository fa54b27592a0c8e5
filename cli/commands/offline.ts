import type { Command } from 'commander'
import type { ObjectStore } from '../../connectors/object-store.ts'
import { chainEnd, type ChainPlace, listChains, readChain } from '../../connectors/offline-chain.ts'
import type { Config } from '../../platform/config.ts'
import { SpoilerError } from '../../platform/spoiler-error.ts'
import { type CliContext, printJson } from '../context.ts'
import { grouped, oneLine, table } from '../text.ts'

const HELP = `
The files of a partition form a chain: each begins at the log position at which the one before ends.

Examples:
  shield offline ls
  shield offline verify
  shield offline verify --json`

interface OfflineArguments {
  readonly json?: boolean
}

/** What is known of one chain without reading more than its last footer. */
interface ListedChain {
  readonly topic: string
  readonly partition: number
  readonly files: number
  readonly sizeBytes: number
  /** Log position behind the last file. */
  readonly end: number
}

interface VerifiedChain extends ListedChain {
  readonly records: number
  readonly leftOut: number
  /** Records that retention had deleted before they could be kept. */
  readonly missing: number
  /** Null when the chain is whole. */
  readonly problem: string | null
}

export function addOffline(program: Command, context: CliContext): void {
  const offline = program.command('offline').description('Look at the offline store, the topics as Parquet on S3')
  offline
    .command('ls')
    .description('List the chains: files, size, and how far each has come')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', HELP)
    .action((options: OfflineArguments) => list(options, context))
  offline
    .command('verify')
    .description('Prove by the footers of all files that no chain has a gap or an overlap; ends with 1 if one has')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', HELP)
    .action((options: OfflineArguments) => verify(options, context))
}

async function list({ json }: OfflineArguments, context: CliContext): Promise<void> {
  const chains = await withStore(context.config(), listAll)
  if (json === true) printJson(context, { chains })
  else context.stdout.write(table(['TOPIC', 'PARTITION', 'FILES', 'MB', 'END'], chains.map(commonCells)))
}

async function verify({ json }: OfflineArguments, context: CliContext): Promise<void> {
  const chains = await withStore(context.config(), async (store, config) => {
    const verified: VerifiedChain[] = []
    for (const { place, files, sizeBytes } of await listChains(store, lineageOf(config))) {
      context.signal.throwIfAborted()
      verified.push({ ...nameOf(place), files, sizeBytes, ...(await verifyChain(store, place)) })
    }
    return verified
  })
  if (json === true) printJson(context, { chains })
  else context.stdout.write(verifiedText(chains))
  if (chains.some(({ problem }) => problem !== null)) context.exitWith(1)
}

async function listAll(store: ObjectStore, config: Config): Promise<ListedChain[]> {
  const found = await listChains(store, lineageOf(config))
  return Promise.all(
    found.map(async ({ place, files, sizeBytes }) => {
      return { ...nameOf(place), files, sizeBytes, end: await chainEnd(store, place) }
    }),
  )
}

async function verifyChain(
  store: ObjectStore,
  place: ChainPlace,
): Promise<Pick<VerifiedChain, 'end' | 'records' | 'leftOut' | 'missing' | 'problem'>> {
  const sum = { end: 0, records: 0, leftOut: 0, missing: 0 }
  try {
    for await (const { link } of readChain(store, place)) {
      sum.end = link.end
      sum.records += link.count
      sum.leftOut += link.leftOut
      sum.missing += link.availableFrom - link.first
    }
    return { ...sum, problem: null }
  } catch (error) {
    if (!(error instanceof SpoilerError && error.code === 'SPL_CHAIN_BROKEN')) throw error
    return { ...sum, problem: error.message }
  }
}

/** The client of S3 takes a second to load: only who needs it waits for it. */
async function withStore<T>(config: Config, work: (store: ObjectStore, config: Config) => Promise<T>): Promise<T> {
  const { openS3ObjectStore } = await import('../../connectors/s3-object-store.ts')
  using store = openS3ObjectStore(config)
  return await work(store, config)
}

function lineageOf({ S3_PREFIX: prefix, LINEAGE: lineage }: Config): Pick<ChainPlace, 'prefix' | 'lineage'> {
  return { prefix, lineage }
}

function nameOf({ topic, partition }: ChainPlace): Pick<ListedChain, 'topic' | 'partition'> {
  return { topic, partition }
}

function commonCells({ topic, partition, files, sizeBytes, end }: ListedChain): string[] {
  return [topic, String(partition), grouped(files), (sizeBytes / 1e6).toFixed(1), grouped(end)]
}

function verifiedText(chains: readonly VerifiedChain[]): string {
  const rows = chains.map((chain) => [
    ...commonCells(chain),
    grouped(chain.records),
    grouped(chain.leftOut),
    grouped(chain.missing),
    chain.problem === null ? 'whole' : oneLine(chain.problem),
  ])
  return table(['TOPIC', 'PARTITION', 'FILES', 'MB', 'END', 'RECORDS', 'LEFT OUT', 'MISSING', 'CHAIN'], rows)
}
