// A plot over time: uPlot with the page's colours. Its data is bounded by whoever makes it.

import uPlot from "/ui/vendor/uplot.js";
import { html, useEffect, useRef, useState } from "/ui/vendor/preact.js";

const HEIGHT = 170;
/** The steps of a scale of whole numbers. */
const STEPS = Array.from({ length: 9 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Counts the changes of the colour scheme. */
function useScheme() {
  const [count, setCount] = useState(0);
  useEffect(() => {
    const changed = () => setCount((before) => before + 1);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const watch = new MutationObserver(changed);
    watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    dark.addEventListener("change", changed);
    return () => {
      watch.disconnect();
      dark.removeEventListener("change", changed);
    };
  }, []);
  return count;
}

function options(width, series, show, bars) {
  const [ink, grid] = [colour("--faint"), colour("--line")];
  const axis = { stroke: ink, font: "11px system-ui", grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 } };
  return {
    width,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 1)] } },
    axes: [
      { ...axis, space: 70, size: 30, values: (_plot, splits) => splits.map((at) => new Date(at * 1000).toLocaleTimeString("en-GB")) },
      { ...axis, size: 56, incrs: STEPS, values: (_plot, splits) => splits.map(show) },
    ],
    series: [{}, ...series.map(({ token, label }) => ({
      label,
      stroke: colour(token),
      fill: bars ? colour(`${token}-soft`) : undefined,
      width: 1.6,
      spanGaps: true,
      points: bars ? { show: false } : { size: 4 },
      paths: bars ? uPlot.paths.stepped({ align: 1 }) : undefined,
    }))],
  };
}

/** `data` is [times in seconds, values of each series]; `series` are { token, label }, and `show` writes a value. */
export function Chart({ data, series, show, label, bars = false, testid }) {
  const place = useRef(null);
  const plot = useRef(null);
  const scheme = useScheme();
  const names = series.map(({ label: name }) => name).join();
  useEffect(() => {
    const node = place.current;
    const width = () => Math.max(120, node.clientWidth);
    plot.current = new uPlot(options(width(), series, show, bars), data, node);
    const sizes = new ResizeObserver(() => plot.current?.setSize({ width: width(), height: HEIGHT }));
    sizes.observe(node);
    return () => {
      sizes.disconnect();
      plot.current.destroy();
      plot.current = null;
    };
  }, [scheme, names]);
  useEffect(() => {
    plot.current?.setData(data);
  }, [data]);
  return html`<figure class="chart" data-testid=${testid}>
    <div ref=${place} role="img" aria-label=${label}></div>
    <figcaption>${series.map(({ token, label: name }) => html`<span key=${name} class=${`key ${token.slice(2)}`}><i></i>${name}</span>`)}</figcaption>
  </figure>`;
}
