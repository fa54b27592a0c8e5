import type { LabelRequest, ReviewLabel } from '../schemas/generated.ts'

/** Newest request of each review that is still open, the one that waits longest first. */
export function openRequests(records: Iterable<LabelRequest>): LabelRequest[] {
  const newest = new Map<string, LabelRequest>()
  for (const request of records) newest.set(request.reviewId, request)
  return [...newest.values()]
    .filter(({ row }) => row !== null)
    .sort((a, b) => a.writtenAtMs - b.writtenAtMs || (a.reviewId < b.reviewId ? -1 : 1))
}

/**
 * The answer to a request. Its revision is the present second: higher than those that publishers count from 0, so that
 * it takes the place of any label before it, and a later answer takes its place.
 */
export function auditLabel(
  { reviewId, userId, movieId }: LabelRequest,
  isSpoiler: boolean,
  nowMs: number,
): ReviewLabel {
  return {
    reviewId,
    userId,
    movieId,
    isSpoiler,
    source: 'audit',
    labelledAtMs: nowMs,
    revision: Math.floor(nowMs / 1_000),
  }
}
