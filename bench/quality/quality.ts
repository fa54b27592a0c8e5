import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bringPythonPackages } from '../../trainers/python-packages.ts'
import { crossFitted, type FitDeps, forwardFitted, trainedAndJudged, unannounced } from './fits.ts'
import { declaredRows, imdbRows, sentenceRows } from './labelled-rows.ts'
import {
  FOLDS,
  measured,
  type Measured,
  measuredFeatures,
  measuredGroups,
  measuredWorld,
  worldRows,
} from './measures.ts'
import { qualityPage, type QualityFindings } from './page.ts'

const ROOT = join(import.meta.dirname, '../..')
const DATA = join(ROOT, '../shared/data')
const WORLDS = [
  { name: '4,000 reviews, split by time', reviews: 4_000, by: 'time' },
  { name: '40,000 reviews, split by time', reviews: 40_000, by: 'time' },
  { name: '16,000 reviews, split by film', reviews: 16_000, by: 'movie' },
] as const
/** Share of the reviews, in the order of their dates, that is fitted on: with fewer a span has too few spoilers. */
const EARLIER = 0.7
const FEATURES = [
  'text_units',
  'cue_count',
  'cues_per_100_words',
  'first_cue_position',
  'cue_share_last_third',
  'plot_overlap',
  'max_sentence_plot_overlap',
  'ending_overlap',
  'summary_units',
  'spoiler_banner',
  'rating',
  'rating_minus_movie_mean',
  'sentiment',
  'film_age_days',
] as const

interface Deps extends FitDeps {
  readonly say: (what: string) => void
}

async function realFindings(workFolder: string, deps: Deps): Promise<QualityFindings['real']> {
  if (!existsSync(DATA)) return null
  const rows = await imdbRows(DATA, workFolder)
  const fit = async (name: string, work: () => ReturnType<typeof crossFitted>): Promise<Measured> => {
    deps.say(name)
    return measured(name, await work())
  }
  const world = await worldRows(16_000)
  const tropes = await sentenceRows(join(DATA, 'tvtropes_sentences.jsonl.xz'))
  const books = await sentenceRows(join(DATA, 'goodreads_sentences.jsonl.xz'))
  return {
    fits: [
      await fit('other folds of these reviews', () => crossFitted(rows, FOLDS, deps)),
      await fit('other folds, announcements hidden', () => crossFitted(unannounced(rows), FOLDS, deps)),
      await fit('earlier reviews', () => forwardFitted(rows, [EARLIER], deps)),
      await fit('reviews of other films', async () => trainedAndJudged(await declaredRows(DATA), rows, deps)),
      await fit('generated world', () => trainedAndJudged(world, rows, deps)),
      await fit('generated world, announcements hidden', () =>
        trainedAndJudged(unannounced(world), unannounced(rows), deps)),
    ],
    features: measuredFeatures(rows, FEATURES),
    groups: await measuredGroups(rows, deps, deps.say),
    sentences: [
      await fit('TV Tropes, part for training', () => trainedAndJudged(tropes.train, tropes.test, deps)),
      await fit('Goodreads, other folds', () => crossFitted(books.train, 3, deps)),
    ],
  }
}

/**
 * How good the scores are: fits and judges on the generated world and on real data, and writes docs/QUALITY.md. The real
 * data is read in ../shared/data; without it the page says so.
 */
export async function quality(env: NodeJS.ProcessEnv): Promise<object> {
  const signal = new AbortController().signal
  const say = (what: string): void => void process.stderr.write(`${what}\n`)
  const deps = { packages: await bringPythonPackages(signal, say), env, signal, say }
  const worlds: Measured[] = []
  for (const world of WORLDS) {
    say(world.name)
    worlds.push(await measuredWorld(world, deps))
  }
  const workFolder = await mkdtemp(join(tmpdir(), 'quality-'))
  try {
    const page = qualityPage({ worlds, real: await realFindings(workFolder, deps) })
    await writeFile(join(ROOT, 'docs/QUALITY.md'), page)
    return { page: 'docs/QUALITY.md' }
  } finally {
    await rm(workFolder, { recursive: true, force: true })
  }
}
