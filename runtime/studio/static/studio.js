// Keeps a page up to date with what the studio tells it. Without it, a page is as it was loaded.
"use strict";

const PARTS_MS = 2000;
const one = (selector, place = document) => place.querySelector(selector);
const all = (selector, place = document) => [...place.querySelectorAll(selector)];

function listen(address, told) {
  const source = new EventSource(address);
  for (const [name, does] of Object.entries(told))
    source.addEventListener(name, (event) => does(JSON.parse(event.data), source));
  return source;
}

function showState(place, row) {
  const state = one(".run-state .state", place);
  if (!state) return;
  state.textContent = row.state;
  state.className = `state ${row.state.toLowerCase()}`;
  one(".run-duration", place).textContent = row.duration;
}

function followTable(table) {
  const rows = new Map(all("tr[data-run]", table).map((row) => [row.dataset.run, row]));
  if (!rows.size) return;
  const asked = new URLSearchParams([...rows.keys()].map((run) => ["run", run]));
  listen(`${table.dataset.live}?${asked}`, {
    row(news) {
      const row = rows.get(news.run);
      if (news.gone) return row.remove();
      showState(row, news);
      for (const cell of all("td[data-column^='metric.']", row)) {
        const value = news.metrics[cell.dataset.column.slice("metric.".length)];
        if (value !== undefined) cell.textContent = typeof value === "number" ? Number(value.toPrecision(6)) : value;
      }
    },
  });
}

function logNamed(name) {
  const found = all("details.log").find((log) => log.dataset.log === name);
  if (found) return found;
  const log = document.createElement("details");
  log.className = "log";
  log.dataset.log = name;
  log.open = true;
  const title = document.createElement("summary");
  title.textContent = name;
  const text = document.createElement("pre");
  text.tabIndex = 0;
  text.setAttribute("role", "log");
  text.setAttribute("aria-label", name);
  log.append(title, text);
  one("#no-logs")?.remove();
  one("#log-list").append(log);
  return log;
}

function appendLog({ name, text }) {
  const log = one("pre", logNamed(name));
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  log.append(text);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function showLast({ name, value }) {
  const body = one("#last-values");
  let row = all("tr", body).find((each) => each.dataset.metric === name);
  if (!row) {
    row = body.insertRow();
    row.dataset.metric = name;
    const title = document.createElement("th");
    title.scope = "row";
    title.textContent = name;
    row.append(title, document.createElement("td"));
    one("#no-metrics")?.remove();
  }
  one("td", row).textContent = typeof value === "number" ? Number(value.toPrecision(6)) : value;
}

function showStep({ step, text }) {
  const item = document.createElement("li");
  const name = document.createElement("b");
  name.textContent = step;
  item.append(name, ` ${text}`);
  one(".steps")?.append(item);
}

function followRun(run) {
  const asked = new URLSearchParams({ after: run.dataset.after });
  for (const log of all("details.log")) asked.append(`log:${log.dataset.log}`, log.dataset.offset);
  listen(`${run.dataset.live}?${asked}`, {
    state(row) {
      showState(run, row);
      one("#live").textContent = `The run is ${row.state}.`;
    },
    log: appendLog,
    step: showStep,
    metric(point) {
      showLast(point);
      document.dispatchEvent(new CustomEvent("metric", { detail: point }));
    },
    end(_, source) {
      source.close();
      location.reload(); // outputs, durations and the error are known now
    },
  });
}

// Shows anew what runs below this one have come to, unless somebody is in the middle of it.
function followParts(parts) {
  let shown = "";
  const look = async () => {
    const answer = await fetch(parts.dataset.again).catch(() => null); // the studio was stopped
    const text = answer?.ok ? await answer.text() : shown;
    if (text === shown || parts.contains(document.activeElement)) return;
    shown = text;
    parts.innerHTML = text;
    document.dispatchEvent(new CustomEvent("parts"));
  };
  setInterval(look, PARTS_MS);
}

function searchLogs(text) {
  for (const log of all("details.log pre")) {
    log.dataset.whole ??= log.textContent;
    const lines = log.dataset.whole.split("\n");
    log.textContent = text ? lines.filter((line) => line.toLowerCase().includes(text)).join("\n") : log.dataset.whole;
    if (!text) delete log.dataset.whole;
  }
}

for (const table of all("table[data-live]")) followTable(table);
for (const run of all("article[data-live]")) followRun(run);
for (const parts of all("[data-again]")) followParts(parts);
const search = one("#log-search");
if (search) {
  one(".log-options").hidden = false;
  search.addEventListener("input", () => searchLogs(search.value.toLowerCase()));
}
for (const log of all("details.log pre")) log.scrollTop = log.scrollHeight;
