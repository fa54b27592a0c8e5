import { markup, type Markup } from '../trainers/evaluation/markup.ts'
import { pageOf, table } from '../trainers/evaluation/report-page.ts'
import type { GateReport } from './gate.ts'

/** A report of the gate as a page of its own, for a person who has to judge it. */
export function gatePage(report: GateReport): string {
  const { challenger, judgement } = report
  return pageOf(`${challenger}: may it take over?`, introduction(report), judgement?.report ?? null)
}

function introduction({ challenger, champion, dataset, decision, evidence, judgement }: GateReport): Markup {
  const verdict = decision.passed
    ? markup`<strong class="better">Passed.</strong> It may take over.`
    : markup`<strong class="worse">Refused.</strong> What serves goes on.`
  const lines = decision.checks.map(({ rule, passed, finding }) => [
    rule,
    passed ? markup`<span class="better">passed</span>` : markup`<span class="worse">refused</span>`,
    finding,
  ])
  const aside = Object.entries(judgement?.leftAside ?? {}).map(([source, rows]) => `${source}: ${rows}`)
  return markup`<h1>${challenger} against ${champion}</h1>
<p>${verdict}</p>
<p class="soft">On the span “gate” of data set ${dataset}, which has judged ${evidence.uses ?? 'unknown'} versions.
Both were proved by their golden rows and scored the same reviews in the same run. Labels of audits and of authors
decide, because they do not depend on what was masked${aside.length === 0 ? '' : `; left aside: ${aside.join(', ')}`}.
One refusal is enough, and what could not be found out is one.</p>
${table('Every rule, and what was found', ['', '', 'found'], lines)}`
}
