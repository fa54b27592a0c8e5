import { describe, expect, test } from 'vitest'
import { parseScenario, windowOf } from '../../../../producers/world/planned-scenario.ts'

const DAY_MS = 86_400_000

describe('a scenario as it is asked for', () => {
  test.each([
    { text: 'spam-wave', fromMs: 0, toMs: null },
    { text: 'spam-wave@30d', fromMs: 30 * DAY_MS, toMs: null },
    { text: 'spam-wave@30d..60d', fromMs: 30 * DAY_MS, toMs: 60 * DAY_MS },
    { text: 'spam-wave@..60d', fromMs: 0, toMs: 60 * DAY_MS },
  ])('$text', ({ text, fromMs, toMs }) => expect(parseScenario(text)).toEqual({ name: 'spam-wave', fromMs, toMs }))

  test.each(['spam', 'spam-wave@x', 'spam-wave@2d..1d', 'spam-wave@1d..2d..3d', 'spam-wave@1d@2d'])(
    '%s is refused with what could be meant',
    (text) => expect(() => parseScenario(text)).toThrow(/spam-wave|duration/),
  )

  test('without an end it lasts as long as the world', () => {
    expect(windowOf(parseScenario('seasons@5d'), 9 * DAY_MS)).toMatchObject({ fromMs: 5 * DAY_MS, toMs: 9 * DAY_MS })
  })
})
