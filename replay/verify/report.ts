import type { RefoldDeps } from '../refold.ts'
import type { FieldDifference } from './field-differences.ts'

/** Which part of a recorded input is compared; its fold may begin before it. */
export interface ComparedRange {
  readonly partition: number
  readonly from: number
  /** Behind the last offset that is compared. */
  readonly to: number
  /** Behind the last offset that may have been folded live meanwhile. */
  readonly end: number
}

export interface VerifyProgress {
  readonly step: string
  readonly done: number
  readonly total: number
}

export interface VerifyDeps extends RefoldDeps {
  readonly onProgress: (progress: VerifyProgress) => void
  /** So many differences are told in full. */
  readonly mostTold: number
}

export interface ToldDifference {
  readonly name: string
  readonly kind: 'differs' | 'missing' | 'unexpected'
  /** Of the live record; of the input record for one that is missing. */
  readonly at: string
  readonly fields: readonly FieldDifference[]
}

export interface StageReport {
  readonly stage: string
  /** Offset by partition at which folds began that did so at a snapshot. */
  readonly snapshots?: Readonly<Record<number, number>>
  /** Records that had to be live. */
  readonly compared: number
  /** Names, of records that differ or stand on one side only. */
  readonly differing: number
  /** Scores whose recorded runtime is another one, and that differ less than their version allows. */
  readonly withinTolerance: number
  /** Scores of versions that cannot be had any more. */
  readonly unproved: number
  readonly first: readonly ToldDifference[]
}
