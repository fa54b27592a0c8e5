import type { DatasetManifest } from '../../trainers/dataset/manifest.ts'
import { archivedFiles } from './archived.ts'
import type { Pipeline } from './pipeline.ts'

/**
 * The join that made a data set, in SQL over the archived topics: newest row of each review, newest label before the
 * cut-off of its span. The bounds of the spans are taken from the manifest.
 */
export function joinSql(pipeline: Pipeline, { rows, labels, spans, maturityMs }: DatasetManifest): string {
  const within = (ranges: DatasetManifest['rows']): string =>
    ranges.map((r) => `(__partition = ${r.partition} and __offset >= ${r.from} and __offset < ${r.to})`).join(' or ')
  const limits = spans.map((s) => `('${s.span}', ${s.fromMs ?? 0}, ${s.untilMs ?? 9e15}, ${s.labelsUntilMs ?? 9e15})`)
  return `
    with spans(span, from_ms, until_ms, labels_until_ms) as (values ${limits.join()}),
    newest as (
      select *, epoch_ms("reviewAppendedAtMs") as appended from ${archivedFiles(pipeline, 'reviewFeatures')}
      where ${within(rows)}
      qualify row_number() over (partition by "userId", "reviewId" order by revision desc, __offset desc) = 1
    ),
    labels as (
      select label.*, epoch_ms("sourceAppendedAtMs") as label_appended, __offset as position
      from ${archivedFiles(pipeline, 'userActivity')}
      where label is not null and (${within(labels)})
    ),
    horizon as (
      select span, max(epoch_ms("labelledAtMs")) as known
      from spans join labels on label_appended < labels_until_ms group by span
    ),
    joined as (
      select n.*, s.span, l."isSpoiler", l.source, l.label_appended
      from newest n
      join spans s on n.appended >= s.from_ms and n.appended < s.until_ms
      join horizon h on h.span = s.span and epoch_ms(n."writtenAtMs") + ${maturityMs} <= h.known
      join labels l on l."userId" = n."userId" and l."reviewId" = n."reviewId" and l."movieId" = n."movieId"
        and l.label_appended < s.labels_until_ms
      qualify row_number() over (partition by n."userId", n."reviewId" order by l.revision desc, l.position) = 1
    )
    select "reviewId" as review_id, "userId" as user_id, "movieId" as movie_id, epoch_ms("writtenAtMs") as written_at_ms,
      appended as appended_at_ms, __partition as partition, __offset as offset, span, "isSpoiler" as label,
      source as label_source, label_appended as label_appended_at_ms, text, values, sentences
    from joined order by array_position(['fit', 'stop', 'calibrate', 'gate'], span), appended, __partition, __offset`
}
