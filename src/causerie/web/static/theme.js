// The one look of all charts, from the page's own tokens, so that light and dark follow.

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function colours() {
  return {
    ink: token("--ink"),
    soft: token("--soft"),
    line: token("--line"),
    surface: token("--surface"),
    main: token("--chart"),
    part: token("--chart-soft"),
    before: token("--chart-before"),
    strands: [1, 2, 3, 4, 5].map((place) => token(`--strand-${place}`)),
    up: token("--mood-up"),
    mid: token("--mood-mid"),
    down: token("--mood-down"),
  };
}

export function theme() {
  const { soft, line } = colours();
  const axis = {
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { color: soft, fontSize: 12, hideOverlap: true },
    splitLine: { lineStyle: { color: line } },
  };
  return {
    backgroundColor: "transparent",
    textStyle: { fontFamily: token("--sans"), fontSize: 12 },
    animationDuration: 250,
    categoryAxis: { ...axis, splitLine: { show: false } },
    valueAxis: axis,
  };
}
