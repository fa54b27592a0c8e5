import { expect, test } from 'vitest'
import { FEATURE_SERVICES, placesRead } from '../../../schemas/feature-services.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import { spoilerV2 } from '../../../schemas/spoiler-v2.ts'

const services = Object.entries(FEATURE_SERVICES)

test.each(services)(
  '%s: its features are those of its views, in their order, with names of their own',
  (name, service) => {
    expect(service.name).toBe(name)
    expect(service.features).toEqual(Object.values(service.views).flat())
    expect(new Set(service.features.map((feature) => feature.name)).size).toBe(service.features.length)
  },
)

test('a model of the older service reads the same features of a row of the newer one, and not the other way round', () => {
  const places = placesRead('spoiler_v2', 'spoiler_v1') ?? []
  expect(places.map((at) => spoilerV2.features[at])).toEqual(spoilerV1.features)
  expect(placesRead('spoiler_v1', 'spoiler_v2')).toBeUndefined()
  for (const [name, { features }] of services) expect(placesRead(name, name)).toEqual([...features.keys()])
  expect([placesRead('other_v9', 'spoiler_v1'), placesRead('spoiler_v1', 'other_v9')]).toEqual([undefined, undefined])
})

test('order and names of what spoiler_v2 adds never change: logged rows and models rest on them', () => {
  const added = spoilerV2.features.slice(spoilerV1.features.length).map(({ name }) => name)
  expect(added).toEqual(['user_spoilers', 'user_no_spoilers', 'movie_spoilers', 'movie_no_spoilers'])
})
