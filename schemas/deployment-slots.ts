/** Slot of the model that scores. */
export const CHAMPION = 'champion'
/** Slot of the model that is compared with it. */
export const CHALLENGER = 'challenger'
