/** Limits of the public inputs. What lies beyond goes to `dead-letters`; nothing is ever cut. */

/** Longest review accepted, in UTF-16 units after normalisation; longer ones: SPL_REVIEW_TOO_LONG. */
export const MAX_REVIEW_UNITS = 100_000
/** Longest headline of a review, and title of a movie. */
export const MAX_TITLE_UNITS = 1_000
/** Longest plot summary or synopsis of a movie. */
export const MAX_PLOT_UNITS = 200_000
/** Most genres, and most members of a cast; each at most MAX_TITLE_UNITS long. */
export const MAX_NAMES = 1_000
export const MAX_ID_UNITS = 200
/** An event may be dated so much after the broker appended it: clocks of publishers differ. */
export const MAX_CLOCK_SKEW_MS = 60_000
/** A release lies between 1870 and 2100 (Unix milliseconds). */
export const MIN_RELEASE_MS = -3_155_673_600_000
export const MAX_RELEASE_MS = 4_102_444_800_000
