import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { versionSource } from '../../connectors/model-registry.ts'
import { parseCount } from '../../producers/arguments.ts'
import { openDataset } from '../../trainers/dataset/open-dataset.ts'
import { type CliContext, printJson } from '../context.ts'
import { withDatasets } from '../dataset-store.ts'
import { gateAgainstChampion } from '../deploy-if-better.ts'
import { assertBroker } from '../dependencies.ts'
import type { GateOutcome } from '../gate.ts'
import { parseVersion } from '../named-version.ts'
import { table } from '../text.ts'
import { withProgress } from '../train.ts'
import { withWorkFolder } from '../work-folder.ts'

const HELP = `
Both versions are fetched, proved, and score the span "gate" of the data set in one run. Every rule of docs/MODELS.md is
looked at; what cannot be found out is a refusal. Nothing is deployed. The report lies on S3, in the folder gates of
S3_PREFIX, as JSON and as a page; --report copies the page to where you can open it. Asking counts as a use of the span.

Examples:
  shield models gate baseline@0123456789abcdef --dataset 3f1c0a9be2d74c55 --report gate.html
  shield models gate baseline@0123456789abcdef --dataset 3f1c0a9be2d74c55 --json`

interface GateArguments {
  readonly dataset: string
  readonly seed: number
  readonly report?: string
  readonly json?: boolean
}

export function addModelsGate(models: Command, context: CliContext): void {
  models
    .command('gate')
    .description('Ask whether a version may take over from the champion, and why')
    .argument('<name@version>', 'as `shield models ls` lists it')
    .requiredOption('--dataset <id>', 'data set whose span "gate" judges')
    .option('--seed <number>', 'of the bootstrap', (text) => parseCount(text, 0), 0)
    .option('--report <file>', 'write the report as a page to this file, too')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', HELP)
    .action((named: string, options: GateArguments) => gate(named, options, context))
}

async function gate(named: string, { dataset, seed, report, json }: GateArguments, context: CliContext): Promise<void> {
  const config = context.config()
  const version = parseVersion(named)
  await assertBroker(config)
  const challenger = { ...version, source: versionSource(config.S3_PREFIX, version) }
  const outcome = await withDatasets(config, undefined, async ({ store, place }) => {
    const candidate = { challenger, dataset: await openDataset(place.files(dataset)), seed }
    await store.ensureBucket()
    return withWorkFolder(config.STATE_DIR, 'gate', (folder) =>
      withProgress(context, (onProgress) => {
        const deps = { config, store, place, signal: context.signal, workFolder: join(folder, 'versions'), onProgress }
        return gateAgainstChampion(candidate, deps)
      }),
    )
  })
  if (report !== undefined) await writeFile(report, outcome.page)
  const { decision, championEpoch } = outcome
  if (json === true)
    printJson(context, { version: named, dataset, seed, report: outcome.report, championEpoch, ...decision })
  else context.stdout.write(gateText(named, outcome))
}

/** What a person reads. */
function gateText(named: string, { decision, report }: Pick<GateOutcome, 'decision' | 'report'>): string {
  const rows = decision.checks.map(({ rule, passed, finding }) => [rule, passed ? 'passed' : 'REFUSED', finding])
  const verdict = decision.passed ? 'may take over' : 'is refused: what serves goes on'
  return `${table(['RULE', '', 'FOUND'], rows)}\n${named} ${verdict}. Report: ${report}\n`
}
