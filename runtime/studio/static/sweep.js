// Draws a sweep: its best so far, and its trials as lines over the axes of their parameters.
"use strict";

{
  const SHADES = 6;

  function openRun({ points: [point] }) {
    location.assign(`/runs/${encodeURIComponent(point.customdata)}`);
  }

  function titled(title) {
    const shared = look(title);
    return { ...shared, title: { ...shared.title, y: 0.95, yanchor: "top" } };
  }

  function drawBest(box, { metric, bests, improvements }) {
    const [end] = bests.seconds.slice(-1);
    const last = improvements.values.slice(-1);
    return Plotly.newPlot(box, [
      {
        type: "scatter", mode: "markers", name: "best of a trial", marker: { color: colour("--dim") },
        x: bests.seconds, y: bests.values, customdata: bests.runs, text: bests.runs.map(literal),
        hovertemplate: "%{text}<br>%{y}<extra></extra>",
      },
      {
        type: "scatter", mode: "lines", name: "best so far", hoverinfo: "skip",
        line: { color: colour("--link"), shape: "hv", width: 2 },
        x: [...improvements.seconds, end], y: [...improvements.values, ...last],
      },
    ], {
      ...titled(`Best ${metric} so far`),
      height: 300,
      margin: { l: 60, r: 12, t: 34, b: 80 },
      legend: { orientation: "h", y: -0.32 },
      hovermode: "closest",
      xaxis: { ...axisLook(), title: { text: "seconds" } },
      yaxis: axisLook(),
    }, plotOptions);
  }

  // One trace for all lines of a shade: a sweep may have a thousand trials.
  function shades(axes, lines) {
    const shadeOf = (rank) => (rank ? 1 + Math.floor(((rank - 1) / Math.max(lines.length - 1, 1)) * SHADES) : 0);
    const traces = Array.from({ length: SHADES + 1 }, (_, shade) => ({
      type: "scatter", mode: "lines+markers", x: [], y: [], text: [], customdata: [],
      hovertemplate: "%{text}<extra></extra>", opacity: shade ? 0.6 : 1,
      line: { color: `hsl(${(230 * shade) / SHADES}, 70%, 50%)`, width: shade ? 1.5 : 4 },
      marker: { size: 5 },
    }));
    lines.forEach(({ run, places, texts }, rank) => {
      const trace = traces[shadeOf(rank)];
      trace.x.push(...places.keys(), null);
      trace.y.push(...places, null);
      trace.customdata.push(...places.map(() => run), null);
      trace.text.push(...texts.map((text, at) => `${literal(run)}<br>${literal(axes[at].name)} ${literal(text)}`), "");
    });
    return traces.filter((trace) => trace.x.length).reverse();
  }

  function drawCoordinates(box, { axes, lines }) {
    const line = { color: colour("--dim"), width: 1 };
    return Plotly.newPlot(box, shades(axes, lines), {
      ...titled(box.clientWidth < 420 ? "The best trial is thick and red" : "Parallel coordinates, the best trial thick and red"),
      height: 300,
      margin: { l: 30, r: 12, t: 66, b: 14 },
      showlegend: false,
      hovermode: "closest",
      shapes: axes.map((_, x) => ({ type: "line", x0: x, x1: x, y0: 0, y1: 1, line, layer: "below" })),
      annotations: axes.flatMap(({ labels }, x) => labels.map(([y, text]) => ({
        x, y, text: literal(text), xanchor: "left", xshift: 5, showarrow: false,
        bgcolor: colour("--page"), font: { size: 11 },
      }))),
      xaxis: {
        side: "top", showgrid: false, zeroline: false, fixedrange: true, range: [-0.1, axes.length - 0.6],
        tickvals: [...axes.keys()], ticktext: axes.map(({ name }) => literal(name)),
      },
      yaxis: { visible: false, fixedrange: true, range: [-0.06, 1.06] },
    }, plotOptions);
  }

  async function drawSweep() {
    for (const place of document.querySelectorAll(".sweep-charts")) {
      const sweep = JSON.parse(place.dataset.sweep);
      if (!sweep.lines.length) continue;
      const draws = { "Best so far": drawBest, "Parallel coordinates": drawCoordinates };
      const boxes = Object.keys(draws).map((name) => chartBox(`${name}; the table below has the values`));
      place.replaceChildren(...boxes); // both, before a chart takes its width from its box
      for (const [at, draw] of Object.values(draws).entries())
        (await draw(boxes[at], sweep)).on("plotly_click", openRun);
    }
  }

  drawSweep();
  document.addEventListener("parts", drawSweep);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawSweep);
}
