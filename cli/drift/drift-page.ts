import { measureNamed } from '../../features/measures.ts'
import type { DriftEvent, DriftMeasure, DriftWindow } from '../../schemas/generated.ts'
import { Markup, markup } from '../../trainers/evaluation/markup.ts'
import { nearness, qualityText, type SubjectReport, subjectReports, windowText } from './drift-report.ts'

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2129; --soft: #5b6472; --line: #d9dde3; --paper: #fff; --now: #0b6bcb; --then: #9aa4b2; --over: #b4530a }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ee; --soft: #9aa4b2; --line: #353b46; --paper: #14171c; --now: #5aa9f8; --then: #5b6472; --over: #f2a154 } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2.5rem 0 .25rem } .soft { color: var(--soft) } .over { color: var(--over) }
.measures { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1.5rem } figure { margin: 0 }
svg { width: 100%; fill: var(--soft); font: 11px system-ui, sans-serif } .now { fill: var(--now) } .then { fill: var(--then) } .limit { stroke: var(--over); stroke-dasharray: 3 3 }
.series { fill: none; stroke: var(--now); stroke-width: 1.5 }
`
const SHOWN = 12
const WIDTH = 320
const HEIGHT = 90
const AXIS = 16

/** Windows and alarms as a page of its own: nothing is loaded, no script runs. */
export function driftPage(windows: readonly DriftWindow[], events: readonly DriftEvent[]): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Drift</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<h1>Drift</h1>
<p class="soft">The effect of a measure is the largest difference of the cumulated shares: so much of the reviews has moved
across some value. Its limit is what the windows of its reference have shown of themselves.</p>
${alarms(events)}
${subjectReports(windows).map(subjectSection)}
</body>
</html>
`.text
}

function alarms(events: readonly DriftEvent[]): Markup {
  if (events.length === 0) return markup`<p>No alarm so far.</p>`
  const items = events.toReversed().map(
    ({
      endMs,
      state,
      subject,
      cause,
      findings,
    }) => markup`<li><strong>${dayOf(endMs)} ${state}</strong> ${subject}: ${cause}
${findings.slice(1).map(({ text }) => markup`<br><span class="soft">${text}</span>`)}</li>
`,
  )
  return markup`<h2>Alarms, newest first</h2>\n<ul>${items}</ul>`
}

function subjectSection({ subject, newest, ranked, windows }: SubjectReport): Markup {
  const quality = qualityText(newest)
  return markup`<h2>${subject}</h2>
<p class="soft">${windowText(newest)}${quality === null ? '' : markup`<br>${quality}`}</p>
${series(windows)}
<div class="measures">${ranked.slice(0, SHOWN).map(distribution)}</div>
`
}

/** Nearness of the most drifted measure to its limit, by window. */
function series(windows: readonly DriftWindow[]): Markup {
  const values = windows.map(({ measures }) => Math.max(0, ...measures.map(nearness)))
  const top = Math.max(1.5, ...values)
  const y = (value: number): string => (HEIGHT - (HEIGHT * value) / top).toFixed(1)
  const step = WIDTH / Math.max(1, values.length - 1)
  const path = values.map((value, i) => `${i === 0 ? 'M' : 'L'}${(i * step).toFixed(1)} ${y(value)}`).join('')
  const title = 'Largest effect as a share of its limit, window by window'
  return markup`<figure><svg role="img" aria-label="${title}" viewBox="0 0 ${WIDTH} ${HEIGHT + AXIS}">
<path class="limit" d="M0 ${y(1)}H${WIDTH}"/><path class="series" d="${path}"/>
<text x="0" y="${HEIGHT + AXIS - 3}">${title}; dashed: the limit</text>
</svg></figure>`
}

function distribution(measure: DriftMeasure): Markup {
  const { measure: name, counts, referenceCounts, kolmogorovSmirnov: effect, limit, over } = measure
  const [now, then] = [sharesOf(counts), sharesOf(referenceCounts)]
  const top = Math.max(...now, ...then, 1e-9)
  const width = WIDTH / counts.length
  const bar = (kind: 'now' | 'then', share: number, bin: number): Markup => {
    const x = bin * width + (kind === 'now' ? width / 2 : 0)
    const height = (HEIGHT * share) / top
    const title = `${binText(name, bin)}: ${(100 * share).toFixed(1)} %`
    return markup`<rect class="${kind}" x="${x.toFixed(1)}" y="${(HEIGHT - height).toFixed(1)}" width="${(width / 2).toFixed(1)}" height="${height.toFixed(1)}"><title>${title}</title></rect>`
  }
  return markup`<figure><figcaption class="${over ? 'over' : ''}">${name} <span class="soft">${figure(effect)} of ${figure(limit)}</span></figcaption>
<svg role="img" aria-label="${name}: reference beside the newest window" viewBox="0 0 ${WIDTH} ${HEIGHT + AXIS}">
${then.map((share, bin) => bar('then', share, bin))}${now.map((share, bin) => bar('now', share, bin))}
<text x="0" y="${HEIGHT + AXIS - 3}">${binText(name, 0)}</text><text x="${WIDTH}" y="${HEIGHT + AXIS - 3}" text-anchor="end">${binText(name, counts.length - 1)}</text>
</svg></figure>
`
}

function binText(name: string, bin: number): string {
  const { edges } = measureNamed(name)
  const [low, high] = [edges[bin - 1], edges[bin]]
  if (low === undefined) return `under ${high ?? ''}`
  return high === undefined ? `from ${low}` : `${low} to ${high}`
}

function sharesOf(counts: readonly number[]): number[] {
  const rows = counts.reduce((sum, count) => sum + count, 0)
  return counts.map((count) => (rows === 0 ? 0 : count / rows))
}

function figure(value: number | null): string {
  return value === null ? '–' : value.toFixed(3)
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}
