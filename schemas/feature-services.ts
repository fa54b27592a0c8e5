/** All feature services, by name. Several may be there at once: every row says of which it is, every model which it reads. */
import { type Feature, spoilerV1 } from './spoiler-v1.ts'
import { spoilerV2 } from './spoiler-v2.ts'

/** A named group of features; a feature row is the views of its service, one after the other. */
export type FeatureView = keyof typeof spoilerV2.views

/** Names of the features of a view. */
export type FeatureName<View extends FeatureView> = (typeof spoilerV2.views)[View][number]['name']

/** What stands where in a feature row. A change of meaning or order is a new service. */
export interface FeatureService {
  readonly name: string
  /** In their order; those of another service may be taken over, by reference. */
  readonly views: Readonly<Partial<Record<FeatureView, readonly Feature[]>>>
  /** All features, in the order of a row. */
  readonly features: readonly Feature[]
}

export const FEATURE_SERVICE_NAMES = [spoilerV1.name, spoilerV2.name] as const
export type FeatureServiceName = (typeof FEATURE_SERVICE_NAMES)[number]

export const FEATURE_SERVICES: Readonly<Record<FeatureServiceName, FeatureService>> = {
  spoiler_v1: spoilerV1,
  spoiler_v2: spoilerV2,
}

/** Undefined for a name that this code does not know. */
export function featureServiceOf(name: string): FeatureService | undefined {
  return Object.values(FEATURE_SERVICES).find((service) => service.name === name)
}

const PLACES = new Map(
  FEATURE_SERVICE_NAMES.map((rows) => [
    rows as string,
    new Map(
      FEATURE_SERVICE_NAMES.map((read) => [read as string, placesOf(FEATURE_SERVICES[rows], FEATURE_SERVICES[read])]),
    ),
  ]),
)

function placesOf(rows: FeatureService, read: FeatureService): readonly number[] | undefined {
  const places = read.features.map((feature) => rows.features.indexOf(feature))
  return places.includes(-1) ? undefined : places
}

/**
 * Where what a model reads stands in a row: a model of one service reads the rows of every other that has taken all of
 * its features over, since they are computed by the same functions then, and have the same bits.
 *
 * @param rows Feature service of the row.
 * @param read Feature service of the model.
 * @returns Places in the row, in the order of the model's service; undefined when it cannot read the row.
 */
export function placesRead(rows: string, read: string): readonly number[] | undefined {
  return PLACES.get(rows)?.get(read)
}
