import type { Figure } from '../trainers/evaluation/figures.ts'
import { grouped, percentText, table } from './text.ts'
import type { TrainOutcome } from './train.ts'

/** What a person reads of a training. */
export function trainingText({ name, version, address, report, deployment }: TrainOutcome): string {
  const { rows, positives, scorers } = report
  const cells = scorers.map(({ name: scorer, prAuc, rocAuc, f1, brier, calibrationError }) => {
    return [scorer, figureText(prAuc), figureText(rocAuc), figureText(f1), figureText(brier), number(calibrationError)]
  })
  return [
    `${name}@${version}\n`,
    `${address}\n\n`,
    `On ${grouped(rows)} held-out reviews, ${percentText(positives / rows)} of them spoilers, with 95 % intervals:\n`,
    table(['', 'PR-AUC', 'ROC-AUC', 'F1', 'BRIER', 'CALIBRATION ERROR'], cells),
    ...(deployment.outcome === 'trained'
      ? []
      : [`\n${deployment.outcome === 'deployed' ? 'Takes over' : 'Not deployed'}: ${deployment.reason}\n`]),
  ].join('')
}

function figureText(figure: Figure | null): string {
  return figure === null ? '–' : `${number(figure.value)} (${number(figure.low)}–${number(figure.high)})`
}

function number(value: number | null): string {
  return value === null ? '–' : value.toFixed(3)
}
