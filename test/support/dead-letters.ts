import type { DeadLetter } from '../../schemas/generated.ts'

/** A letter of intake about a review in JSON with an impossible rating. */
export function aLetter(fields: Partial<DeadLetter> = {}): DeadLetter {
  return {
    code: 'SPL_RATING_INVALID',
    cause: 'rating is 11',
    component: 'intake',
    source: { topic: 'reviews', partition: 2, offset: 17 },
    appendedAtMs: 500,
    attempts: 1,
    key: Buffer.from('u1'),
    value: Buffer.from('{"rating": 11}'),
    headers: {},
    ...fields,
  }
}
