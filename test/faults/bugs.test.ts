import { afterAll, expect, test } from 'vitest'
import { loadModelVersion } from '../../inference/model-version.ts'
import { BUGS } from './bugs.ts'
import { SIMULATION_START_MS, simulatedInputs } from './simulation/inputs.ts'
import { simulate } from './simulation/simulate.ts'

/** A bug has to show within so many runs; each has about ten faults. */
const SEEDS = Array.from({ length: 10 }, (_, i) => i + 1)
const REVIEWS = 60

const model = await loadModelVersion('inference/versions/prior')
afterAll(() => model[Symbol.asyncDispose]())

test.each(SEEDS)('the runtime as it is passes, whatever is killed, frozen or aborted (seed %d)', async (seed) => {
  const inputs = simulatedInputs(seed, REVIEWS)
  expect(await simulate({ seed, inputs, startMs: SIMULATION_START_MS, model })).toEqual([])
})

test.each(Object.entries(BUGS))('%s: the check fails and names the symptom', async (_, { shows, ...bug }) => {
  const said: string[] = []
  for (const seed of SEEDS) {
    const inputs = simulatedInputs(seed, REVIEWS)
    const violations = await simulate({ seed, inputs, startMs: SIMULATION_START_MS, model, bug })
    said.push(...violations.map(({ stage, symptom }) => `${stage}: ${symptom}`))
    if (said.includes(shows.join(': '))) break
  }
  expect(said).toContain(shows.join(': '))
})
