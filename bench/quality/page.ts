import type { Figure } from '../../trainers/evaluation/figures.ts'
import type { Measured } from './measures.ts'

export interface QualityFindings {
  readonly worlds: readonly Measured[]
  /** Null where the data is not there. */
  readonly real: {
    readonly fits: readonly Measured[]
    readonly features: readonly Measured[]
    readonly groups: readonly Measured[]
    readonly sentences: readonly Measured[]
  } | null
}

/** docs/QUALITY.md. Lines are as long as their content: it is generated. */
export function qualityPage({ worlds, real }: QualityFindings): string {
  return [
    '<!-- Made by `npm run bench:quality`; do not edit. -->',
    '# How good are the scores?',
    '',
    'Every row stands beside the **length** of the text alone, on the same reviews, since long reviews spoil more often and whoever does not beat their length has learned nothing. In brackets: 95 % intervals of a bootstrap over the judged reviews (1,000 draws); a *gain* is the difference on the same draws, **bold** where its interval does not hold 0: only then is one of the two shown to be better. PR-AUC: the mean precision over all recalls; a coin has the share of spoilers. ROC-AUC: how often a spoiler is ranked above another review; a coin has 0.5. The model is the tier `baseline`: logistic regression on hashed words and 59 features of the review, its author and its film, as `shield train` fits it; how strongly words and features are held back is chosen on rows that are neither fitted nor judged.',
    '',
    ...worldSection(worlds),
    ...(real === null
      ? ['## Real reviews', '', 'Not measured: the data was not there (see `bench/quality/quality.ts`).', '']
      : [...fitSection(real.fits), ...signalSection(real), ...sentenceSection(real.sentences)]),
    ...limits(),
  ].join('\n')
}

function worldSection(worlds: readonly Measured[]): string[] {
  const rows = worlds.map((one) => {
    const best = one.scorers.find(({ name }) => name === 'best possible')
    return [
      one.name,
      counts(one),
      ...comparison(one, 'prAuc'),
      number(best?.prAuc),
      ...comparison(one, 'rocAuc'),
      number(best?.rocAuc),
    ]
  })
  return [
    '## The generated world',
    '',
    'The generator knows with which probability each review was made a spoiler: ranking by it is the best that any model can reach (*best possible*), since the rest is drawn by lot. Data sets are built as `shield dataset build` builds them: later rows judge, and a label counts only if it was known before the next span began. Split by film, no film of the judged reviews was fitted on.',
    '',
    ...table(
      ['', 'judged', 'PR-AUC', 'length', 'gain', 'best possible', 'ROC-AUC', 'length', 'gain', 'best possible'],
      rows,
    ),
    '',
    'The world was made for this program: how near the model comes to the best possible says that fitting and serving work, and nothing of real reviews.',
    '',
  ]
}

const FIT_HEADER = ['fitted on', 'judged', 'PR-AUC', 'length', 'gain', 'ROC-AUC', 'length', 'gain']

function fitRows(measured: readonly Measured[]): string[][] {
  return measured.map((one) => [one.name, counts(one), ...comparison(one, 'prAuc'), ...comparison(one, 'rocAuc')])
}

function fitSection(fits: readonly Measured[]): string[] {
  return [
    '## Real reviews of one film',
    '',
    '432 reviews of one film (a tenth of those in the IMDB Spoiler Dataset, R. Misra), 1998 to 2018, each marked by its own author or not. They pass the same folds as any review, in the order of their dates, and their marks come three days later.',
    '',
    ...table(FIT_HEADER, fitRows(fits)),
    '',
    '- **Other folds**: five folds of whole authors; each review is scored by a fit on the other four, and ranked within its fold. The reviews of a fold lie between those of the others in time, so this asks whether reviews like these can be told apart, not whether the future can be foretold; and what was known of the film when a later review came includes the marks of earlier ones, of whatever fold. Without the age of the film and all that is known of its reviews, the gain is that of *everything but age and reviews so far* below. Folds cannot be made by film: there is one.',
    '- **Announcements hidden**: some authors write that they spoil, which is nearly the mark itself. Here that word is cut out of the texts, and the feature that sees it is blind.',
    '- **Earlier reviews**: what comes later is judged by a fit on what came before. This is the honest question, and so few rows cannot answer it: see how wide the interval is.',
    '- **Reviews of other films**: 49,000 reviews of about 7,000 films (Maas et al. 2011), of which 1,291 count as spoilers because their author says so in the text. What says so is cut out; the rest counts as free of spoilers, which it surely is not. No plots, no dates, no authors.',
    '- **Generated world**: not one real review was fitted on. The words of the generator are not those of people; what carries over is what it says of plots, cues, lengths and announcements.',
    '',
  ]
}

type Real = NonNullable<QualityFindings['real']>

function signalSection({ features, groups }: Real): string[] {
  const single = features.map((one) => {
    const [feature] = one.scorers
    const auc = feature?.rocAuc ?? null
    const direction =
      auc === null ? '' : auc.low > 0.5 ? 'more: spoiler' : auc.high < 0.5 ? 'less: spoiler' : 'not shown'
    return [`\`${one.name}\``, figure(auc), direction]
  })
  return [
    '### What carries the signal',
    '',
    'Single features of these reviews as they stand in the row, without any fit. Below 0.5, a smaller value goes with spoilers.',
    '',
    ...table(['feature', 'ROC-AUC', ''], single),
    '',
    'The fits on other folds again, seeing the length and one more group. Gains are over length alone.',
    '',
    ...table(['beside length', 'judged', 'PR-AUC', 'length', 'gain', 'ROC-AUC', 'length', 'gain'], fitRows(groups)),
    '',
  ]
}

function sentenceSection(sentences: readonly Measured[]): string[] {
  return [
    '## Sentences',
    '',
    'Sentences that people have marked, each scored as if it were a review: TV Tropes (Boyd-Graber et al. 2013), fitted on the part for training, judged on the part for tests, a text that stands in both only once; Goodreads (Wan et al. 2019), books, three folds. Both are lower-cased, cut into words, and stand without context, and in TV Tropes half of all are spoilers: figures say what the words carry, not what a site would see.',
    '',
    ...table(FIT_HEADER, fitRows(sentences)),
    '',
  ]
}

function limits(): string[] {
  return [
    '## What this does not show',
    '',
    '- One film with 86 spoilers is one film. That words or plots of other films help, or that a fit carries over to the next film, cannot be read from it. The whole IMDB Spoiler Dataset (573,913 reviews of 1,572 films) could; it cannot be fetched without an account. `shield produce imdb`, `shield dataset build --split movie` and `shield train` would show it on your machine.',
    '- Authors mark their own reviews. What they call a spoiler differs, and many never mark.',
    '- No setting of the trainer was chosen by these 432 reviews. How folds are put together was: at first their probabilities were pooled as they stand, and a fit that sees length alone lost .083 of ROC-AUC to length itself by that, since folds so small are calibrated differently. Since then a review counts by its rank within its fold. Pooled, *other folds of these reviews* had gained +0.109 (+0.041 to +0.182) in ROC-AUC and +0.103 (+0.017 to +0.194) in PR-AUC.',
    '',
  ]
}

function counts({ rows, positives }: Measured): string {
  return `${rows} (${positives})`
}

function comparison({ scorers: [model, length], gains: [gain] }: Measured, metric: 'prAuc' | 'rocAuc'): string[] {
  const over = gain?.[metric] ?? null
  const text = over === null ? '–' : `${signed(over.value)} (${signed(over.low)} to ${signed(over.high)})`
  const isShown = over !== null && (over.low > 0 || over.high < 0)
  return [figure(model?.[metric] ?? null), number(length?.[metric]), isShown ? `**${text}**` : text]
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)]
}

function figure(one: Figure | null): string {
  return one === null ? '–' : `${one.value.toFixed(3)} (${one.low.toFixed(3)} to ${one.high.toFixed(3)})`
}

function number(one: Figure | null | undefined): string {
  return one == null ? '–' : one.value.toFixed(3)
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`
}
