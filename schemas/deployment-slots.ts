/** Slot of the model that scores. */
export const CHAMPION = 'champion'
