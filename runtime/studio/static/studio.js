// Keeps a page up to date with what the studio tells it. Without it, a page is as it was loaded.
"use strict";

const one = (selector, place = document) => place.querySelector(selector);
const all = (selector, place = document) => [...place.querySelectorAll(selector)];

// What is chosen on a page goes into its address, so that the page can be shared and loaded again.
const chosen = new Map();
let writing;

function writeAddress() {
  const address = new URL(location.href);
  for (const [key, value] of chosen) value ? address.searchParams.set(key, value) : address.searchParams.delete(key);
  history.replaceState(history.state, "", address);
}

// Sets an input as the address says, and the address as the input says; its usual value is left out.
function keepInAddress(key, input) {
  const isBox = input.type === "checkbox";
  const usual = isBox ? "" : input.value;
  const given = new URLSearchParams(location.search).get(key);
  if (isBox) input.checked = given === "1";
  else if (given !== null) {
    input.value = given;
    if (input.value !== given) input.value = usual; // an address may say anything
  }
  input.addEventListener("input", () => {
    const value = isBox ? (input.checked ? "1" : "") : input.value;
    chosen.set(key, value === usual ? "" : value);
    clearTimeout(writing);
    writing = setTimeout(writeAddress, 100); // browsers refuse to write it many times a second
  });
}

// Listens while somebody sees the tab: a browser holds six connections to a server, for all tabs.
// `address` is asked for each connection; the function that is returned ends it.
function listen(address, told) {
  let source, ended = false;
  const connect = () => {
    source?.close();
    if (ended || document.hidden) return;
    source = new EventSource(address());
    for (const [name, does] of Object.entries(told))
      source.addEventListener(name, (event) => does(JSON.parse(event.data)));
  };
  document.addEventListener("visibilitychange", connect);
  connect();
  return () => {
    ended = true;
    source?.close();
  };
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
  listen(() => `${table.dataset.live}?${asked}`, {
    row(news) {
      const row = rows.get(news.run);
      if (news.gone) return row.remove();
      showState(row, news);
      for (const cell of all("td[data-column^='metric.']", row)) {
        const value = news.metrics[cell.dataset.column.slice("metric.".length)];
        if (value !== undefined) cell.textContent = typeof value === "number" ? Number(value.toPrecision(6)) : value;
      }
    },
    more: showMore,
  });
}

function showMore() {
  const link = document.createElement("a");
  link.href = location.pathname + location.search;
  link.textContent = "New runs were submitted: show them";
  one("#more").replaceChildren(link);
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
  showRank();
  if (one("#log-search").value) searchLog(text);
  return log;
}

// Returns a log with what was written over its last lines, and after them.
function written(known, { over, text }) {
  if (over.length) {
    const lines = known.split("\n");
    const first = lines.length - over.length;
    over.forEach((line, number) => {
      if (line && first + number >= 0) lines[first + number] = (line[0] ? lines[first + number] : "") + line[1];
    });
    known = lines.join("\n");
  }
  return known + text;
}

function appendLog(news) {
  const { name, text, over, begins } = news;
  const log = one("pre", logNamed(name));
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  const searched = log.dataset.whole !== undefined; // what does not match is kept, out of sight
  if (begins) log.textContent = "";
  if (begins && searched) log.dataset.whole = "";
  if (searched) log.dataset.whole = written(log.dataset.whole, news);
  else if (over.length) log.textContent = written(log.textContent, news);
  else log.append(text);
  if (searched) searchLog(log);
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

function showSteps({ html }) {
  const steps = one(".steps");
  if (steps) steps.innerHTML = html;
}

function followRun(run) {
  let place = new URLSearchParams({ after: run.dataset.after });
  for (const { dataset } of all("details.log")) {
    place.append(`log:${dataset.log}`, dataset.offset);
    place.append(`up:${dataset.log}`, dataset.up);
  }
  const end = listen(() => `${run.dataset.live}?${place}`, {
    place: (news) => (place = news),
    state(row) {
      showState(run, row);
      one("#live").textContent = `The run is ${row.state}.`;
    },
    log: appendLog,
    steps: showSteps,
    metric(point) {
      showLast(point);
      document.dispatchEvent(new CustomEvent("metric", { detail: point }));
    },
    end() {
      end();
      location.reload(); // outputs, durations and the error are known now
    },
  });
}

// Shows a part of a page anew whenever the studio tells how it looks, unless somebody is in the
// middle of it: then once they leave it.
function followPart(part) {
  let waiting;

  const show = () => {
    if (waiting === undefined || part.contains(document.activeElement)) return;
    const opened = new Set(all("details[open] > summary", part).map((each) => each.textContent));
    part.innerHTML = waiting;
    waiting = undefined;
    for (const each of all("details > summary", part))
      if (opened.has(each.textContent)) each.parentElement.open = true;
    const said = one("[data-say]", part)?.dataset.say;
    if (said && one("#live").textContent !== said) one("#live").textContent = said;
    document.dispatchEvent(new CustomEvent("parts"));
  };
  const end = listen(() => `${part.dataset.part}?shown=${part.dataset.shown}`, {
    part(news) {
      waiting = news.html;
      part.dataset.shown = news.shown;
      if (news.final) end();
      show();
    },
  });
  part.addEventListener("focusout", () => setTimeout(show));
}

function searchLog(log) {
  const text = one("#log-search").value.toLowerCase();
  log.dataset.whole ??= log.textContent;
  const lines = log.dataset.whole.split("\n");
  log.textContent = text ? lines.filter((line) => line.toLowerCase().includes(text)).join("\n") : log.dataset.whole;
  if (!text) delete log.dataset.whole;
}

function searchLogs() {
  for (const log of all("details.log pre")) searchLog(log);
}

// Of a run of several processes, each has a log; those of the run itself have no rank.
function showRank() {
  const rank = one("#log-rank")?.value;
  for (const log of all("details.log")) {
    const own = log.dataset.log.match(/std_log_(?:process|node)_(\d+)/);
    log.hidden = Boolean(rank && own && own[1] !== rank);
    if (rank && own && own[1] === rank) log.open = true;
  }
}

const search = one("#log-search");
if (search) {
  one(".log-options").hidden = false;
  keepInAddress("search", search);
  search.addEventListener("input", searchLogs);
  if (search.value) searchLogs();
}
const rank = one("#log-rank");
if (rank) {
  keepInAddress("rank", rank);
  rank.addEventListener("input", showRank);
  showRank();
}
for (const table of all("table[data-live]")) followTable(table);
for (const run of all("article[data-live]")) followRun(run);
for (const part of all("[data-part]")) followPart(part);
for (const log of all("details.log pre")) log.scrollTop = log.scrollHeight;
