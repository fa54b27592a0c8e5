import type { CalibrationBin } from '../../stats/classification.ts'
import { type Markup, markup } from './markup.ts'
import type { CurvePoint, Report } from './report.ts'

const SIZE = 260
const [LEFT, TOP, RIGHT, BOTTOM] = [44, 12, 12, 40]
const TICKS = [0, 0.25, 0.5, 0.75, 1] as const
const LARGEST_RADIUS = 12
const SMALLEST_RADIUS = 2.5

/** Of shares, from the lower left. */
const x = (share: number): string => (LEFT + share * SIZE).toFixed(1)
const y = (share: number): string => (TOP + (1 - share) * SIZE).toFixed(1)

/** A square of two shares. */
function chart(title: string, [across, up]: readonly [string, string], marks: Markup): Markup {
  const lines = TICKS.map(
    (tick) => markup`<path class="grid" d="M${x(tick)} ${y(0)}V${y(1)}M${x(0)} ${y(tick)}H${x(1)}"/>
<text x="${x(tick)}" y="${TOP + SIZE + 16}" text-anchor="middle">${tick}</text>
<text x="${LEFT - 8}" y="${y(tick)}" text-anchor="end" dominant-baseline="middle">${tick}</text>
`,
  )
  return markup`<svg role="img" aria-label="${title}" viewBox="0 0 ${LEFT + SIZE + RIGHT} ${TOP + SIZE + BOTTOM}">
${lines}<text x="${x(0.5)}" y="${TOP + SIZE + 34}" text-anchor="middle">${across}</text>
<text transform="translate(12 ${y(0.5)}) rotate(-90)" text-anchor="middle">${up}</text>
${marks}
</svg>`
}

/** Precision over recall, a line for each scorer in the order of the report. */
export function precisionRecallChart({ curves, rows, positives }: Report): Markup {
  const base = markup`<path class="base" d="M${x(0)} ${y(positives / rows)}H${x(1)}"/>\n`
  const lines = curves.map(({ points }, i) => markup`<path class="line s${i}" d="${pathOf(points)}"/>\n`)
  return chart('Precision over recall', ['recall', 'precision'], markup`${base}${lines.toReversed()}`)
}

function pathOf(points: readonly CurvePoint[]): string {
  return points.map(([recall, precision], i) => `${i === 0 ? 'M' : 'L'}${x(recall)} ${y(precision)}`).join('')
}

/** What happened over what was said; the area of a dot is its share of the rows. */
export function calibrationChart({ calibration }: Report): Markup {
  const most = Math.max(...calibration.map(({ rows }) => rows))
  const dots = calibration.filter(({ rows }) => rows > 0).map((bin) => dot(bin, Math.sqrt(bin.rows / most)))
  const marks = markup`<path class="base" d="M${x(0)} ${y(0)}L${x(1)} ${y(1)}"/>\n${dots}`
  return chart('Share of spoilers over probability', ['mean probability', 'share that spoils'], marks)
}

function dot({ rows, meanProbability, positiveShare }: CalibrationBin, size: number): Markup {
  const [said, happened] = [meanProbability ?? 0, positiveShare ?? 0]
  const radius = Math.max(SMALLEST_RADIUS, LARGEST_RADIUS * size).toFixed(1)
  const words = `${rows} reviews: ${said.toFixed(3)} said, ${happened.toFixed(3)} spoil`
  return markup`<circle class="dot" cx="${x(said)}" cy="${y(happened)}" r="${radius}"><title>${words}</title></circle>\n`
}
