import type { Command } from 'commander'
import { committedValues } from '../../platform/topic-values.ts'
import { type CliContext, printJson } from '../context.ts'
import { assertBroker } from '../dependencies.ts'
import { readingCodec } from '../pipeline.ts'
import { qualityReport, type SliceQuality, type VersionQuality } from '../quality-report.ts'
import { grouped, oneLine, table } from '../text.ts'

const HELP = `
Each score is judged by the newest label of its review; a label that is revised counts anew. Labels that people give
because of what they are shown depend on the score, since a masked review is reported less often: so figures by audit
and self-declared labels, on which decisions rest, stand apart from those by labels of any source.

In brackets the same of the length of the text alone on the same reviews, called by the threshold that turns out best.
"promised" is F1 as the probabilities promise it, without labels, of all that was scored; "off by" is how far that
promise was from F1 on the reviews that have labels now. What is promised cannot see that other things spoil than before.

Examples:
  shield quality
  shield quality --slices
  shield quality --json`

interface QualityArguments {
  readonly slices?: boolean
  readonly json?: boolean
}

export function addQuality(program: Command, context: CliContext): void {
  program
    .command('quality')
    .description('Tell how good the scores of each model version turned out, by the labels that have come')
    .option('--slices', 'also by groups of reviews')
    .option('--json', 'print one line of JSON, with groups')
    .addHelpText('after', HELP)
    .action(async ({ slices, json }: QualityArguments) => {
      const config = context.config()
      await assertBroker(config)
      const counters = await Array.fromAsync(committedValues(config, readingCodec(config), 'qualityCounters'))
      const versions = qualityReport(counters)
      if (json === true) printJson(context, { versions })
      else context.stdout.write(qualityText(versions, slices === true))
    })
}

const HEADER = [
  'reviews',
  'labels by',
  'labelled',
  'spoilers',
  'F1 (length)',
  'precision',
  'recall',
  'PR-AUC (length)',
  'ROC-AUC (length)',
  'Brier',
  'calibration',
  'promised',
  'off by',
] as const

export function qualityText(versions: readonly VersionQuality[], withSlices: boolean): string {
  if (versions.length === 0) return 'No score has been counted yet: is the pipeline running?\n'
  return versions
    .map(({ mode, model, slices }) => {
      const shown = withSlices ? slices : slices.slice(0, 1)
      const title = `${oneLine(model)}  ${mode}  ${grouped(slices[0]?.scored ?? 0)} scored, ${coverage(slices[0])}`
      return `${title}\n${table(HEADER, shown.flatMap(rowsOf))}`
    })
    .join('\n')
}

function coverage(slice: SliceQuality | undefined): string {
  if (slice === undefined || slice.scored === 0) return 'no labels'
  return `${percent(slice.labelled / slice.scored)} of them labelled`
}

function rowsOf({ slice, estimated, deciding, all }: SliceQuality): string[][] {
  const kinds = [
    { by: 'audit, self', figures: deciding },
    { by: 'all', figures: all },
  ]
  return kinds.map(({ by, figures }) => {
    const { length } = figures
    const off = figures.f1 === null || figures.estimated.f1 === null ? null : figures.estimated.f1 - figures.f1
    return [
      oneLine(slice),
      by,
      grouped(figures.labelled),
      figures.labelled === 0 ? '–' : percent(figures.positives / figures.labelled),
      beside(figures.f1, length.f1),
      figure(figures.precision),
      figure(figures.recall),
      beside(figures.prAuc, length.prAuc),
      beside(figures.rocAuc, length.rocAuc),
      figure(figures.brier),
      figure(figures.calibrationError),
      figure(estimated.f1),
      off === null ? '–' : `${off < 0 ? '' : '+'}${off.toFixed(3)}`,
    ]
  })
}

function beside(value: number | null, length: number | null): string {
  return `${figure(value)} (${figure(length)})`
}

function figure(value: number | null): string {
  return value === null ? '–' : value.toFixed(3)
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
