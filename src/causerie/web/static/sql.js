// The box for queries: Ctrl+Enter runs, a name that is clicked is written, the chart is drawn.
// Without a script there is a button, names are to read, and the table has what the chart shows.

import { colours, theme } from "./theme.js";

const SERIES_NAMED_MAX = 5;
const box = document.getElementById("sql");
const number = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 3 });

function main() {
  if (box) {
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        box.form.requestSubmit();
      }
    });
    for (const name of document.querySelectorAll("[data-insert]")) offer(name);
    if (box.dataset.line) show(Number(box.dataset.line), Number(box.dataset.column));
  }
  for (const place of document.querySelectorAll("[data-sql-chart]")) draw(place);
}

function offer(name) {
  name.tabIndex = 0;
  name.setAttribute("role", "button");
  const write = (event) => {
    event.preventDefault();
    box.setRangeText(name.dataset.insert, box.selectionStart, box.selectionEnd, "end");
    box.focus();
  };
  name.addEventListener("click", write);
  name.addEventListener("keydown", (event) => {
    if (event.key === "Enter") write(event);
  });
}

// Puts the cursor where the query is wrong.
function show(line, column) {
  const before = box.value.split("\n").slice(0, line - 1);
  const start = before.reduce((length, text) => length + text.length + 1, 0) + column - 1;
  box.focus();
  box.setSelectionRange(start, start);
}

function draw(place) {
  const data = JSON.parse(document.getElementById(place.dataset.sqlChart).textContent);
  let chart = null;
  const redraw = () => {
    chart?.dispose();
    chart = echarts.init(place, theme());
    chart.setOption(option(data));
  };
  redraw();
  new ResizeObserver(() => chart.resize()).observe(document.body);
  document.addEventListener("themechange", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

function option(data) {
  const look = colours();
  const several = data.series.length > 1;
  const named = several && data.kind === "line" && data.series.length <= SERIES_NAMED_MAX;
  return {
    color: several ? palette() : [look.main],
    grid: { left: 4, right: named ? 96 : 12, top: several && !named ? 36 : 12, bottom: 0, containLabel: true },
    legend: several && !named ? { top: 0, left: 0, type: "scroll", textStyle: { color: look.soft }, icon: "circle", itemWidth: 9, itemHeight: 9 } : undefined,
    xAxis: { type: "category", data: data.labels },
    yAxis: { type: "value", splitNumber: 4, axisLabel: { formatter: (value) => number.format(value) } },
    tooltip: { trigger: "axis", backgroundColor: look.surface, borderColor: look.line, padding: [8, 12], confine: true, className: "chart-tip", axisPointer: { type: data.kind === "line" ? "line" : "shadow", lineStyle: { color: look.soft }, shadowStyle: { opacity: 0.07 } }, formatter: tip },
    series: data.series.map((series) => line(data, series, { named, several })),
  };
}

function line(data, series, { named, several }) {
  if (data.kind === "bars") {
    return { name: series.name, type: "bar", stack: several ? "all" : undefined, data: series.values, barMaxWidth: 40, barCategoryGap: "28%", itemStyle: several ? {} : { borderRadius: [3, 3, 0, 0] } };
  }
  const alone = data.labels.length > 60 ? "none" : "circle";
  const end = { show: named, formatter: "{a}", width: 88, overflow: "truncate" };
  return { name: series.name, type: "line", data: series.values, symbol: alone, symbolSize: 6, lineStyle: { width: 2 }, connectNulls: true, endLabel: end, labelLayout: { moveOverlap: "shiftY" } };
}

function palette() {
  const style = getComputedStyle(document.documentElement);
  return Array.from({ length: 8 }, (_, index) => style.getPropertyValue(`--series-${index + 1}`).trim());
}

// An element, not text: a style written in text would be refused by the page's policy.
function tip(items) {
  const tip = document.createElement("div");
  tip.append(words(items[0].axisValueLabel, ""));
  for (const item of items) {
    if (item.value !== undefined && item.value !== null) tip.append(words(item.seriesName, number.format(item.value)));
  }
  return tip;
}

function words(name, value) {
  const paragraph = document.createElement("p");
  const strong = document.createElement("b");
  const span = document.createElement("span");
  span.textContent = name;
  strong.textContent = value;
  paragraph.append(span, strong);
  return paragraph;
}

main();
