// Blocks as series over time: what they come to in each second, of each group.

/** The seconds that plots show. */
export const WINDOW = 120;
/** The seconds that are kept of each group. */
const MAX_SECONDS = WINDOW + 30;

/** What the blocks of one group come to in each of the newest seconds. */
export class Seconds {
  #all = new Map();
  /** From when on every block is counted. */
  #since = Number.POSITIVE_INFINITY;

  /** Counts a block, with its interval and delay in milliseconds where they are known. */
  add({ timeMs, txCount, height }, intervalMs, delayMs) {
    const second = Math.floor(timeMs / 1000);
    // Before a chain's first blocks there was nothing; before any other one that is known, nothing is known.
    this.#since = Math.min(this.#since, height <= 1 ? 0 : second);
    const kept = this.#all.get(second) ?? { transactions: 0, intervals: 0, intervalMs: 0, delays: 0, delayMs: 0 };
    kept.transactions += txCount;
    if (intervalMs !== undefined) [kept.intervals, kept.intervalMs] = [kept.intervals + 1, kept.intervalMs + intervalMs];
    if (delayMs !== undefined) [kept.delays, kept.delayMs] = [kept.delays + 1, kept.delayMs + delayMs];
    this.#all.set(second, kept);
    // In the order in which they came, which is the order of time but for what is late.
    for (const oldest of this.#all.keys()) {
      if (this.#all.size <= MAX_SECONDS) break;
      this.#all.delete(oldest);
      this.#since = Math.max(this.#since, oldest + 1);
    }
  }

  transactions(second) {
    return second < this.#since ? null : (this.#all.get(second)?.transactions ?? 0);
  }

  interval(second) {
    const kept = this.#all.get(second);
    return kept === undefined || kept.intervals === 0 ? null : kept.intervalMs / kept.intervals;
  }

  delay(second) {
    const kept = this.#all.get(second);
    return kept === undefined || kept.delays === 0 ? null : kept.delayMs / kept.delays;
  }
}

/**
 * The seconds that ended by `nowMs` in the form that plots take, times in seconds and then one list a group: transactions, and means
 * of block intervals and of delays (milliseconds).
 */
export function series(seconds, ids, nowMs) {
  const first = Math.floor(nowMs / 1000) - WINDOW;
  const times = Array.from({ length: WINDOW }, (_, at) => first + at);
  const none = new Seconds();
  const lines = (of) => [times, ...ids.map((id) => times.map((second) => of(seconds.get(id) ?? none, second)))];
  return {
    transactions: lines((group, second) => group.transactions(second)),
    intervals: lines((group, second) => group.interval(second)),
    delays: lines((group, second) => group.delay(second)),
  };
}

/** The share `of` (0 to 1) of values that is not above the answer; nothing of none. */
export function percentile(values, of) {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(of * sorted.length))];
}

/** What the newest blocks of a group say of its pace. */
export function pace(blocks) {
  const recent = blocks.slice(0, 100);
  const delays = recent.map(({ delayMs }) => delayMs).filter((delay) => delay !== undefined);
  const gaps = recent.slice(0, -1).map(({ timeMs }, at) => timeMs - recent[at + 1].timeMs);
  const spanMs = recent.length > 1 ? recent[0].timeMs - recent.at(-1).timeMs : 0;
  const transactions = recent.slice(0, -1).reduce((sum, { txCount }) => sum + txCount, 0);
  return {
    median: percentile(gaps, 0.5),
    high: percentile(gaps, 0.95),
    delay: percentile(delays, 0.5),
    highDelay: percentile(delays, 0.95),
    perSecond: spanMs > 0 ? (transactions * 1000) / spanMs : undefined,
  };
}
