import type { ComponentView } from '../../../../cli/live/live-state.ts'

export function component(fields: Partial<ComponentView> = {}): ComponentView {
  const calm = { name: 'folds', state: 'running', restarts: 0, lastFailure: undefined } as const
  return { ...calm, ready: true, unready: {}, tasks: [], ...fields }
}
