/** How fast events are published. */
export type Pace =
  | { readonly kind: 'unpaced' }
  /** Event time passes `speed` times as fast as the wall clock. */
  | { readonly kind: 'event-clock'; readonly speed: number }
  | { readonly kind: 'rate'; readonly perSecond: number }

/** Where a run's schedule begins: its first published event. */
export interface PaceAnchor {
  readonly wallMs: number
  readonly eventMs: number
}

/**
 * Wall time at which an event is due. The schedule hangs on the anchor, so that a pause of the broker is caught up.
 *
 * @param eventMs Event clock: the latest event time so far.
 * @param ordinal Events published since the anchor.
 */
export function dueAtMs(pace: Pace, anchor: PaceAnchor, eventMs: number, ordinal: number): number {
  switch (pace.kind) {
    case 'unpaced':
      return -Infinity
    case 'event-clock':
      return anchor.wallMs + (eventMs - anchor.eventMs) / pace.speed
    case 'rate':
      return anchor.wallMs + (ordinal * 1000) / pace.perSecond
  }
}
