//! Plots as SVG: lines over linear axes, with ticks at round numbers.

use std::fmt::Write as _;

/// The size of a plot, in units of its own; it scales with the page.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 280.0;
/// Where the axes begin, and what is left free beyond them.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 44.0;
/// About as many ticks as an axis has.
const TICKS: f64 = 6.0;

/// A line of a plot.
pub(super) struct Line {
    /// Its name in the legend.
    pub(super) name: &'static str,
    /// Its colour, by number.
    pub(super) colour: usize,
    /// Its points, ascending; where there is none, the line has a gap.
    pub(super) points: Vec<(f64, Option<f64>)>,
}

/// A plot.
pub(super) struct Plot {
    /// What it shows.
    pub(super) title: &'static str,
    /// What the horizontal axis is.
    pub(super) across: &'static str,
    /// What the vertical axis is.
    pub(super) up: &'static str,
    /// Ticks of the horizontal axis with their names; none for round numbers.
    pub(super) ticks: Vec<(f64, String)>,
    /// What is shown.
    pub(super) lines: Vec<Line>,
}

/// Text as it may stand in HTML.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

/// A step between ticks: 1, 2 or 5 times a power of ten, so that there are about as many as wanted.
fn step(span: f64) -> f64 {
    let rough = (span / TICKS).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    let fits = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| times * power >= rough);
    fits.unwrap_or(10.0) * power
}

/// A number as an axis shows it.
fn number(value: f64) -> String {
    if value.abs() >= 1_000_000.0 {
        format!("{:.1}M", value / 1_000_000.0)
    } else if value.abs() >= 10_000.0 {
        format!("{:.0}k", value / 1_000.0)
    } else if value.fract().abs() < 1e-9 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}").trim_end_matches('0').to_owned()
    }
}

/// Round numbers from 0 to the top and beyond it by at most a step.
fn round_ticks(top: f64) -> Vec<f64> {
    let step = step(top.max(f64::MIN_POSITIVE));
    let mut ticks = vec![0.0];
    let mut at = 0.0;
    while at < top {
        at += step;
        ticks.push(at);
    }
    ticks
}

impl Plot {
    /// The SVG, with its legend.
    pub(super) fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let highest = points().filter_map(|(_, y)| *y).fold(0.0, f64::max);
        let ups = round_ticks(if highest > 0.0 { highest } else { 1.0 });
        let top = ups.last().copied().unwrap_or(1.0);
        let furthest = points().map(|(x, _)| *x).fold(0.0, f64::max);
        let furthest = self.ticks.iter().map(|(x, _)| *x).fold(furthest, f64::max).max(f64::MIN_POSITIVE);
        let x = |value: f64| LEFT + value / furthest * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
        let mut svg = format!(
            "<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escape(self.title),
            escape(self.title)
        );
        for tick in &ups {
            let (at, right) = (y(*tick), WIDTH - RIGHT);
            write!(svg, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>")
                .ok();
            write!(
                svg,
                "<text class=\"tick up\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                LEFT - 8.0,
                at + 4.0,
                number(*tick)
            )
            .ok();
        }
        for (tick, name) in self.across_ticks(furthest) {
            let (at, base) = (x(tick), HEIGHT - BOTTOM);
            write!(svg, "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{base}\"/>")
                .ok();
            write!(
                svg,
                "<text class=\"tick\" x=\"{at:.1}\" y=\"{:.1}\">{}</text>",
                base + 16.0,
                escape(&name)
            )
            .ok();
        }
        for line in &self.lines {
            write!(svg, "<path class=\"line c{}\" d=\"{}\"/>", line.colour, path(line, &x, &y)).ok();
            for (at, value) in line.points.iter().filter_map(|(x, y)| Some((*x, (*y)?))) {
                let (cx, cy) = (x(at), y(value));
                let tip = format!("{} at {}: {value:.2}", line.name, number(at));
                write!(svg, "<circle class=\"dot c{}\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"2\"><title>{}</title></circle>", line.colour, escape(&tip)).ok();
            }
        }
        let middle = (LEFT + WIDTH - RIGHT) / 2.0;
        write!(
            svg,
            "<text class=\"axis\" x=\"{middle}\" y=\"{}\">{}</text>",
            HEIGHT - 6.0,
            escape(self.across)
        )
        .ok();
        let centre = (HEIGHT - BOTTOM + TOP) / 2.0;
        write!(
            svg,
            "<text class=\"axis\" transform=\"rotate(-90)\" x=\"-{centre}\" y=\"14\">{}</text></svg>",
            escape(self.up)
        )
        .ok();
        svg.push_str("<p class=\"legend\">");
        for line in &self.lines {
            write!(svg, "<span class=\"c{}\">{}</span> ", line.colour, escape(line.name)).ok();
        }
        svg + "</p></figure>\n"
    }

    fn across_ticks(&self, furthest: f64) -> Vec<(f64, String)> {
        if !self.ticks.is_empty() {
            return self.ticks.clone();
        }
        let within = round_ticks(furthest).into_iter().filter(|tick| *tick <= furthest);
        within.map(|tick| (tick, number(tick))).collect()
    }
}

/// The line's path: a new piece after each gap.
fn path(line: &Line, x: &impl Fn(f64) -> f64, y: &impl Fn(f64) -> f64) -> String {
    let (mut path, mut goes_on) = (String::new(), false);
    for (at, value) in &line.points {
        let Some(value) = value else {
            goes_on = false;
            continue;
        };
        let command = if goes_on { 'L' } else { 'M' };
        write!(path, "{command}{:.1} {:.1}", x(*at), y(*value)).ok();
        goes_on = true;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_beyond_what_is_shown() {
        for top in [0.7, 3.0, 42.0, 507.0, 12_345.0] {
            let ticks = round_ticks(top);
            assert!((4..=12).contains(&ticks.len()), "{top}: {ticks:?}");
            assert!(*ticks.last().unwrap() >= top && ticks[0] == 0.0);
        }
        assert_eq!(round_ticks(500.0), [0.0, 100.0, 200.0, 300.0, 400.0, 500.0]);
    }

    #[test]
    fn a_line_has_a_gap_where_nothing_is_known() {
        let line = Line {
            name: "x",
            colour: 1,
            points: vec![(0.0, Some(1.0)), (1.0, None), (2.0, Some(3.0)), (3.0, Some(4.0))],
        };
        assert_eq!(path(&line, &|x| x, &|y| y), "M0.0 1.0M2.0 3.0L3.0 4.0");
    }

    #[test]
    fn what_users_name_stays_text() {
        assert_eq!(escape("<script>\"&'"), "&lt;script&gt;&quot;&amp;&#39;");
    }
}
