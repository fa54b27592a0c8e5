import type { ComponentView } from '../../../../cli/live/live-state.ts'
import type { SpoilerScore } from '../../../../schemas/generated.ts'

export function score(fields: Partial<SpoilerScore> = {}): SpoilerScore {
  return {
    reviewId: 'r1',
    userId: 'u1',
    movieId: 'm1',
    revision: 0,
    writtenAtMs: 0,
    reviewAppendedAtMs: 0,
    textUnits: 840,
    probability: 0.25,
    isSpoiler: false,
    threshold: 0.5,
    modelName: 'prior',
    modelVersion: 'abc',
    deploymentEpoch: 0,
    slot: 'champion',
    tier: 'prior',
    featureService: 'spoiler_v1',
    slices: [],
    position: { topic: 'review-features', partition: 0, offset: 0 },
    spans: [],
    reasons: [],
    ...fields,
  }
}

export function component(fields: Partial<ComponentView> = {}): ComponentView {
  const calm = { name: 'folds', state: 'running', restarts: 0, lastFailure: undefined } as const
  return { ...calm, ready: true, unready: {}, tasks: [], ...fields }
}
