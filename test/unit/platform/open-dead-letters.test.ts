import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { OpenDeadLetters } from '../../../platform/open-dead-letters.ts'
import type { DeadLetterResolution } from '../../../schemas/generated.ts'
import { aLetter } from '../../support/dead-letters.ts'

const letterAt = (offset: number) => aLetter({ source: { topic: 'reviews', partition: 0, offset } })
const resolutionAt = (offset: number): DeadLetterResolution => ({
  ...letterAt(offset),
  action: 'dropped',
  edits: [],
  decidedBy: 'ada',
  reason: 'test',
  decidedAtMs: 0,
})

async function figures(registry: Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

test('open letters are counted once each by component and code, with the age of the oldest', async () => {
  const registry = new Registry()
  const open = new OpenDeadLetters(registry, () => 90_000)
  expect(await figures(registry)).toEqual([])
  open.addLetter(letterAt(1), 30_000)
  open.addLetter(letterAt(2), 60_000)
  open.addLetter(letterAt(2), 60_000)
  const one = '{component="intake",code="SPL_RATING_INVALID"}'
  expect(await figures(registry)).toEqual([
    `spoiler_dead_letters_open${one} 2`,
    'spoiler_dead_letters_oldest_seconds{component="intake"} 60',
  ])
  open.addResolution(resolutionAt(1))
  expect(await figures(registry)).toEqual([
    `spoiler_dead_letters_open${one} 1`,
    'spoiler_dead_letters_oldest_seconds{component="intake"} 30',
  ])
})

test('a decision that is read before its letter counts', async () => {
  const registry = new Registry()
  const open = new OpenDeadLetters(registry, () => 0)
  open.addResolution(resolutionAt(1))
  open.addLetter(letterAt(1), 0)
  expect(await figures(registry)).toEqual([])
})
