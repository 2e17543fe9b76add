// Draws the curves of a page with plotly.js: one chart a metric, one line a run.
"use strict";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
// plotly.js reads some tags in texts, and links: what runs are called is none of that.
const literal = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const axisLook = () => ({ gridcolor: colour("--line"), zerolinecolor: colour("--line") });
const plotOptions = { displayModeBar: false, responsive: true };

function look(title) {
  return {
    title: { text: literal(title), font: { size: 14 } },
    height: 260,
    margin: { l: 50, r: 12, t: 34, b: 56 },
    legend: { orientation: "h" },
    paper_bgcolor: colour("--page"),
    plot_bgcolor: colour("--page"),
    font: { color: colour("--text") },
  };
}

function chartBox(label) {
  const box = document.createElement("div");
  box.className = "chart";
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", label);
  return box;
}

for (const place of document.querySelectorAll(".charts")) {
  const options = place.querySelector(".chart-options");
  const [axis, smoothing, logarithmic] = ["axis", "smoothing", "log-scale"].map((id) => document.getElementById(id));
  const charts = new Map(); // metric → its box, and the curves of the runs that have it

  const smoothed = (values, weight) => {
    let last, mass = 0;
    return values.map((value) => {
      const number = Number(value);
      if (!weight || !Number.isFinite(number)) return value;
      last = weight * (last ?? 0) + (1 - weight) * number;
      mass = weight * mass + (1 - weight);
      return last / mass; // without the bias towards the first value
    });
  };

  // What a script logs after it was started again is a line of its own: its steps begin anew.
  function drawn(curve, weight) {
    const begins = curve.steps.flatMap((step, number) => (number && step < curve.steps[number - 1] ? [number] : []));
    const x = [], y = [];
    [0, ...begins].forEach((begin, number) => {
      if (number) x.push(null), y.push(null);
      x.push(...curve[axis.value].slice(begin, begins[number]));
      y.push(...smoothed(curve.values.slice(begin, begins[number]), weight));
    });
    return { x, y };
  }

  const showSmoothing = () => (smoothing.nextElementSibling.textContent = smoothing.value);

  function draw({ box, name, curves }) {
    const weight = Number(smoothing.value);
    const traces = [...curves].map(([run, curve]) => ({
      type: "scatter",
      mode: curve.values.length > 1 ? "lines" : "markers",
      name: literal(run),
      ...drawn(curve, weight),
    }));
    Plotly.react(box, traces, {
      ...look(name),
      showlegend: curves.size > 1,
      ...(curves.size > 1 ? { height: 290 + 14 * curves.size, margin: { l: 50, r: 12, t: 34, b: 60 + 17 * curves.size }, legend: { orientation: "h", x: 0, y: -0.3, yanchor: "top" } } : {}),
      xaxis: { ...axisLook(), title: { text: axis.value === "steps" ? "step" : "seconds", standoff: 8 } },
      yaxis: { ...axisLook(), type: logarithmic.checked ? "log" : "linear" },
    }, plotOptions);
  }

  function chartOf(name) {
    if (!charts.has(name)) {
      const box = chartBox(`Curve of ${name}`);
      place.append(box);
      charts.set(name, { box, name, curves: new Map() });
      options.hidden = false;
    }
    return charts.get(name);
  }

  const add = (run, curve) => chartOf(curve.name).curves.set(run, curve);
  const drawAll = () => charts.forEach(draw);

  keepInAddress("axis", axis);
  keepInAddress("smoothing", smoothing);
  keepInAddress("log", logarithmic);
  showSmoothing();
  smoothing.addEventListener("input", showSmoothing);
  const { curves, runs } = place.dataset;
  for (const curve of JSON.parse(curves ?? "[]")) add("", curve);
  for (const [run, found] of Object.entries(JSON.parse(runs ?? "{}"))) found.forEach((curve) => add(run, curve));
  drawAll();
  for (const input of [axis, smoothing, logarithmic]) input.addEventListener("input", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  document.addEventListener("metric", ({ detail: { name, step, seconds, value } }) => {
    const chart = chartOf(name);
    if (!chart.curves.size) chart.curves.set("", { name, steps: [], seconds: [], values: [] });
    const curve = chart.curves.get("");
    curve.steps.push(step);
    curve.seconds.push(seconds);
    curve.values.push(value);
    draw(chart);
  });
}
