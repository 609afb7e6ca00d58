// Blocks as series over time: one value a second and group.

/** The seconds that plots show. */
export const WINDOW = 120;

/**
 * Transactions and mean block intervals (milliseconds) of each second that ended by `nowMs`, in the form that plots take: times
 * in seconds, then one list a group. A second without a block has none of the latter.
 */
export function series(groups, ids, nowMs) {
  const last = Math.floor(nowMs / 1000) - 1;
  const first = last - WINDOW + 1;
  const times = Array.from({ length: WINDOW }, (_, at) => first + at);
  const transactions = ids.map(() => new Array(WINDOW).fill(0));
  const intervals = ids.map(() => new Array(WINDOW).fill(null));
  ids.forEach((id, line) => {
    const blocks = groups.get(id) ?? [];
    const counts = new Array(WINDOW).fill(0);
    const sums = new Array(WINDOW).fill(0);
    blocks.forEach(({ timeMs, txCount }, at) => {
      const place = Math.floor(timeMs / 1000) - first;
      if (place < 0 || place >= WINDOW) return;
      transactions[line][place] += txCount;
      const before = blocks[at + 1];
      if (before === undefined) return;
      counts[place] += 1;
      sums[place] += timeMs - before.timeMs;
    });
    counts.forEach((count, place) => {
      if (count > 0) intervals[line][place] = sums[place] / count;
    });
    hide(transactions[line], blocks, first);
  });
  return { transactions: [times, ...transactions], intervals: [times, ...intervals] };
}

/** Seconds before the oldest block that is kept say nothing: they are no zeros. */
function hide(line, blocks, first) {
  const oldest = blocks.at(-1);
  if (oldest === undefined) return void line.fill(null);
  if (oldest.height <= 1) return;
  const known = Math.floor(oldest.timeMs / 1000) - first + 1;
  for (let at = 0; at < Math.min(known, line.length); at += 1) line[at] = null;
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
  const gaps = recent.slice(0, -1).map(({ timeMs }, at) => timeMs - recent[at + 1].timeMs);
  const spanMs = recent.length > 1 ? recent[0].timeMs - recent.at(-1).timeMs : 0;
  const transactions = recent.slice(0, -1).reduce((sum, { txCount }) => sum + txCount, 0);
  return {
    median: percentile(gaps, 0.5),
    high: percentile(gaps, 0.95),
    perSecond: spanMs > 0 ? (transactions * 1000) / spanMs : undefined,
  };
}
