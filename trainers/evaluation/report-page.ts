import { calibrationChart, precisionRecallChart } from './charts.ts'
import type { Figure } from './figures.ts'
import { Markup, markup } from './markup.ts'
import type { Report, SliceFigures } from './report.ts'
import { LENGTH_ONLY } from './scored-rows.ts'

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2129; --soft: #5b6472; --line: #d9dde3; --paper: #fff; --s0: #0b6bcb; --s1: #b4530a; --s2: #6b7280 }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ee; --soft: #9aa4b2; --line: #353b46; --paper: #14171c; --s0: #5aa9f8; --s1: #f2a154; --s2: #9aa4b2 } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2.5rem 0 .25rem }
p { max-width: 46rem; margin: .25rem 0 .75rem } .soft, caption { color: var(--soft) }
.wide { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; padding-bottom: .25rem } th, td { text-align: right; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child { text-align: left; font-weight: 600 } thead th { font-weight: 600; color: var(--soft) } td small { color: var(--soft) }
.charts { display: flex; flex-wrap: wrap; gap: 2rem } figure { margin: 0; width: 20rem } figcaption { color: var(--soft) }
svg { width: 100%; font: 11px system-ui, sans-serif; fill: var(--soft) } .grid { stroke: var(--line); stroke-width: .5 } .base { stroke: var(--soft); stroke-dasharray: 3 3; fill: none }
.line { fill: none; stroke-width: 2 } .s0 { stroke: var(--s0) } .s1 { stroke: var(--s1) } .s2 { stroke: var(--s2) } .dot { fill: var(--s0); fill-opacity: .7 }
.key::before { content: ""; display: inline-block; width: 1.2em; margin-right: .4em; border-top: 3px solid; vertical-align: middle }
.k0::before { border-color: var(--s0) } .k1::before { border-color: var(--s1) } .k2::before { border-color: var(--s2) } .better { color: var(--s0) } .worse { color: var(--s1) }
`

/** A report as a page of its own: nothing is loaded, no script runs. */
export function reportPage(report: Report): string {
  const { model, tier, dataset, rows, positives } = report
  return pageOf(
    `${model}: is it better than length?`,
    markup`<h1>${model}</h1>
<p class="soft">Tier ${tier}, fitted on data set ${dataset.id} (${dataset.featureService}, split by ${dataset.split.by}).</p>
<p>Judged on ${rows} reviews of the span “gate”, ${percent(positives / rows)} of them spoilers: no weight, penalty,
calibration or threshold was chosen by them. In brackets: 95 % intervals of a bootstrap over these reviews.
“${LENGTH_ONLY}” knows how long a text is, and nothing else; what does not beat it has learned nothing worth serving.</p>`,
    report,
  )
}

/** A page of its own, with the figures of a report where there is one. */
export function pageOf(title: string, introduction: Markup, report: Report | null): string {
  const figures = report === null ? [] : [overall(report), charts(report), slices(report), spans(report)]
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
${[introduction, ...figures]}
</body>
</html>
`
  return page.text
}

function overall({ scorers, gains }: Report): Markup {
  const header = ['', 'PR-AUC', 'ROC-AUC', 'F1', 'precision', 'recall', 'Brier', 'calibration error']
  const lines = scorers.map((scorer, i) => [
    markup`<span class="key k${i}">${scorer.name}</span>`,
    ...[scorer.prAuc, scorer.rocAuc, scorer.f1, scorer.precision, scorer.recall, scorer.brier].map(figure),
    number(scorer.calibrationError),
  ])
  const differences = gains.map(({ over, prAuc, rocAuc, f1, brier }) => [
    markup`over ${over}`,
    ...[prAuc, rocAuc, f1].map((one) => gain(one, 1)),
    gain(brier, -1),
  ])
  return markup`<h2>All held-out reviews</h2>
<p>PR-AUC and ROC-AUC say how well reviews are put in order, and are better the higher; a coin has
as PR-AUC the share of spoilers, as ROC-AUC 0.5. F1, precision and recall are those at the
threshold that was chosen before. Brier score and calibration error say how far probabilities are from what
happened, and are better the lower.</p>
${table('Each scorer by itself', header, lines)}
<p></p>
${table('The difference, on the same draws of reviews', ['', 'PR-AUC', 'ROC-AUC', 'F1', 'Brier'], differences)}`
}

function charts(report: Report): Markup {
  return markup`<div class="charts">
<figure><h2>Precision and recall</h2>${precisionRecallChart(report)}
<figcaption>Dashed: the share of spoilers, which calling everything a spoiler has as its precision.</figcaption></figure>
<figure><h2>Calibration</h2>${calibrationChart(report)}
<figcaption>On the dashed line a probability means what it says; the larger a dot, the more reviews.</figcaption></figure>
</div>`
}

function slices({ slices: large, smallSlices, scorers: [own, ...others] }: Report): Markup {
  const line = ({ slice, rows, positives, scorers, gains }: SliceFigures): Content[] => {
    const [mine] = scorers
    const differences = gains.map(({ prAuc }) => gain(prAuc, 1))
    const share = percent(positives / rows)
    return [slice, rows, share, figure(mine?.prAuc ?? null), ...differences, number(mine?.calibrationError)]
  }
  const over = others.map(({ name }) => `over ${name}`)
  const header = ['', 'reviews', 'spoilers', `${own?.name ?? ''} PR-AUC`, ...over, 'calibration error']
  const left = smallSlices.map(({ slice, rows, positives }) => `${slice} (${positives} of ${rows})`).join(', ')
  return markup`<h2>Groups of reviews</h2>
${table('A review may belong to several', header, large.map(line))}
${left === '' ? '' : markup`<p class="soft">Too few spoilers or other reviews to say anything: ${left}.</p>`}`
}

const PURPOSE = {
  fit: 'weights',
  stop: 'how strongly weights are held back; then weights too',
  calibrate: 'calibration, thresholds, sentence scores, reference bins, golden rows',
  gate: 'this page',
} as const

function spans({ dataset }: Report): Markup {
  const lines = dataset.spans.map(({ span, rows, positives, fromMs, untilMs }) => {
    const share = rows === 0 ? '–' : percent(positives / rows)
    return [span, rows, share, instant(fromMs), instant(untilMs), PURPOSE[span]]
  })
  const header = ['', 'reviews', 'spoilers', 'appended from', 'until', 'decides']
  return markup`<h2>Spans of the data set</h2>\n${table(`Data set ${dataset.id}`, header, lines)}`
}

type Content = Markup | string | number

/** Rows of a table; the first cell of each is its head. */
export function table(caption: string, header: readonly string[], rows: readonly (readonly Content[])[]): Markup {
  const head = header.map((title) => markup`<th scope="col">${title}</th>`)
  const body = rows.map(([first = '', ...rest]) => {
    return markup`<tr><th scope="row">${first}</th>${rest.map((cell) => markup`<td>${cell}</td>`)}</tr>\n`
  })
  return markup`<div class="wide"><table><caption>${caption}</caption><thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody></table></div>`
}

function figure(one: Figure | null): Markup {
  if (one === null) return markup`–`
  return markup`${number(one.value)} <small>(${number(one.low)} to ${number(one.high)})</small>`
}

/** @param better 1 where higher is better, -1 where lower is. Marked where the interval does not hold 0. */
function gain(one: Figure | null, better: 1 | -1): Markup {
  if (one === null) return markup`–`
  const sign = one.low > 0 ? better : one.high < 0 ? -better : 0
  const words = sign === 0 ? '' : markup`class="${sign > 0 ? 'better' : 'worse'}"`
  return markup`<span ${words}>${signed(one.value)}</span> <small>(${signed(one.low)} to ${signed(one.high)})</small>`
}

function number(value: number | null | undefined): string {
  return value == null ? '–' : value.toFixed(3)
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function instant(ms: number | null): string {
  return ms === null ? '–' : new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}
