// Draws every [data-chart] from the JSON beside it. Without a script its table says the same.

import { colours, theme } from "./theme.js";

const SAMPLE_MIN = 10;
const BAR_PX_MAX = 40;
const language = document.documentElement.lang;
const number = new Intl.NumberFormat(language);
const amount = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const hundredths = new Intl.NumberFormat(language, { maximumFractionDigits: 2, minimumFractionDigits: 1 });
const drawn = [];

function main() {
  for (const place of document.querySelectorAll("[data-chart]")) {
    const data = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    drawn.push({ place, data, chart: null });
  }
  redraw();
  new ResizeObserver(() => drawn.forEach(({ chart }) => chart.resize())).observe(document.body);
  document.addEventListener("themechange", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

function redraw() {
  for (const item of drawn) {
    item.chart?.dispose();
    item.chart = echarts.init(item.place, theme());
    item.chart.setOption(option(item.data));
    listen(item);
  }
}

// The whole height over a bucket is its door, not only what is drawn.
function listen({ chart, data }) {
  const at = (event) => {
    const place = [event.offsetX, event.offsetY];
    if (!chart.containPixel("grid", place)) return null;
    return data.points[chart.convertFromPixel({ seriesIndex: 0 }, place)[0]];
  };
  chart.getZr().on("click", (event) => {
    const point = at(event);
    if (point) location.href = point.door;
  });
  chart.getZr().on("mousemove", (event) => chart.getZr().setCursorStyle(at(event) ? "pointer" : "default"));
}

function option(data) {
  const look = colours();
  return {
    grid: { left: 4, right: 12, top: 12, bottom: 0, containLabel: true },
    xAxis: { type: "category", data: data.points.map((point) => point.label) },
    yAxis: valueAxis(data),
    tooltip: tooltip(data, look),
    series: [...(data.compares ? [before(data, look)] : []), ...shape(data, look), ...(data.notes?.length ? [notes(data, look)] : [])],
  };
}

function valueAxis(data) {
  if (data.mood) return { type: "value", min: -1, max: 1, interval: 0.5, axisLabel: { formatter: signed } };
  if (!data.share) return { type: "value", min: 0, minInterval: data.whole ? 1 : 0, splitNumber: 4, axisLabel: { formatter: (value) => amountOf(data, value) } };
  return { type: "value", min: 0, max: 1, interval: 0.25, axisLabel: { formatter: (value) => percent(data, value) } };
}

function shape(data, look) {
  return data.strands?.length ? data.strands.map((strand, place) => run(data, strand, look.strands[place], look)) : [now(data, look)];
}

// Hollow where a bucket is not over.
function run(data, strand, colour, look) {
  const sparse = strand.values.length <= 60;
  const values = strand.values.map((value, place) => ({
    value,
    itemStyle: { color: data.points[place].partial ? look.surface : colour, borderColor: colour, borderWidth: 1.5, opacity: 1 },
  }));
  return { type: "line", name: strand.title, data: values, symbol: sparse ? "circle" : "none", symbolSize: 6, lineStyle: { width: 2, color: colour }, z: 3 };
}

function now(data, look) {
  const values = data.points.map((point) => ({
    value: point.value,
    itemStyle: data.sampled ? dot(data, point, look) : { color: point.partial ? look.part : look.main },
  }));
  if (data.kind === "bars") {
    const rounded = { borderRadius: [3, 3, 0, 0] };
    return { type: "bar", data: values, barMaxWidth: BAR_PX_MAX, barCategoryGap: "28%", itemStyle: rounded, z: 2 };
  }
  const alone = data.points.length > 60 ? "none" : "circle";
  const line = { width: 2, color: look.main };
  const zero = { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: look.soft, type: "solid", width: 1 }, data: [{ yAxis: 0 }] };
  return { type: "line", data: values, symbol: alone, symbolSize: data.mood ? 7 : 6, lineStyle: line, z: 3, ...(data.mood ? { markLine: zero } : {}) };
}

// Hollow where too few made the value.
function dot(data, point, look) {
  const hollow = point.sample < SAMPLE_MIN;
  const main = data.mood ? moodColour(data, point.value, look) : look.main;
  return { color: hollow ? look.surface : main, borderColor: main, borderWidth: 1.5, opacity: 1 };
}

function moodColour(data, value, look) {
  if (value === null || Math.abs(value) <= data.margin) return look.mid;
  return value > 0 ? look.up : look.down;
}

// A line through each day that somebody noted something of.
function notes(data, look) {
  const lines = data.notes.map((note) => ({ xAxis: note.place }));
  return {
    type: "line",
    data: [],
    silent: true,
    markLine: { silent: true, symbol: ["none", "circle"], symbolSize: 6, label: { show: false }, lineStyle: { color: look.before, type: "dotted", width: 1.5 }, data: lines },
  };
}

function before(data, look) {
  return {
    type: "line",
    data: data.points.map((point) => point.before),
    connectNulls: true,
    symbol: "none",
    silent: true,
    lineStyle: { type: [4, 4], width: 1.5, color: look.before },
    z: 4,
  };
}

function tooltip(data, look) {
  return {
    trigger: "axis",
    axisPointer: { type: data.sampled ? "line" : "shadow", lineStyle: { color: look.soft }, shadowStyle: { opacity: 0.07 } },
    backgroundColor: look.surface,
    borderColor: look.line,
    padding: [8, 12],
    confine: true,
    className: "chart-tip",
    formatter: (items) => tip(data, data.points[items[0].dataIndex]),
  };
}

// An element, not text: a style written in text would be refused by the page's policy.
function tip(data, point) {
  const box = document.createElement("div");
  box.append(line(point.title + (point.partial ? ` ${data.partly}` : ""), ""));
  box.append(line(data.noun, show(data, point.value)));
  const place = data.points.indexOf(point);
  for (const strand of data.strands ?? []) box.append(line(strand.title, show(data, strand.values[place])));
  if (data.sampled) box.append(line(data.of, number.format(point.sample), "muted"));
  if (data.compares && point.before !== null) box.append(line(point.beforeTitle, show(data, point.before), "muted"));
  for (const note of data.notes ?? []) if (note.place === place) box.append(line(note.text, ""));
  return box;
}

function line(words, value, kind = "") {
  const paragraph = document.createElement("p");
  const strong = document.createElement("b");
  const name = document.createElement("span");
  paragraph.className = kind;
  name.textContent = words;
  strong.textContent = value;
  paragraph.append(name, strong);
  return paragraph;
}

function show(data, value) {
  if (value === null) return "–";
  if (data.mood) return signed(value);
  return data.share ? percent(data, value) : amountOf(data, value);
}

function amountOf(data, value) {
  return data.whole || value >= 100 ? number.format(value) : amount.format(value);
}

function signed(value) {
  if (value === 0) return "0";
  return `${value < 0 ? "−" : "+"}${hundredths.format(Math.abs(value))}`;
}

function percent(data, value) {
  return data.percent.replace("0", number.format(Math.round(value * 100)));
}

main();
