const data = JSON.parse(document.getElementById("data").textContent);
const NARROW = 560;
const FACET_LEAST = 290;
const FACET_GAP = 24;
const AXIS = 64;

// A chart as wide as the page allows: facets wrap, and a long legend gets columns.
function fitted(spec, pixels) {
  const fit = structuredClone(spec);
  if (pixels < NARROW) {
    fit.config.legend.columns = 2;
    if (fit.config.legend.columnPadding) fit.config.legend.columnPadding = 10;
  }
  if (fit.facet) {
    const columns = Math.max(1, Math.min(fit.columns, Math.floor(pixels / (FACET_LEAST + FACET_GAP))));
    fit.columns = columns;
    if (!fit.usermeta?.fixed) {
      fit.spec.width = Math.floor((pixels - AXIS - 16) / columns) - FACET_GAP;
    }
  } else if (!fit.usermeta?.fixed) {
    fit.width = pixels;
    fit.autosize = { type: "fit-x", contains: "padding" };
  }
  return fit;
}

async function draw(element) {
  const pixels = Math.floor(element.clientWidth);
  if (Number(element.dataset.pixels) === pixels) return;
  element.dataset.pixels = pixels;
  const spec = fitted(data.pictures[element.dataset.picture], pixels);
  element.view?.finalize();
  const { view } = await vegaEmbed(element, spec, { actions: false, renderer: "svg" });
  element.view = view;
  element.dataset.drawn = "yes";
}

const charts = [...document.querySelectorAll(".chart")];
await Promise.all(charts.map(draw));
document.body.dataset.ready = "yes";
let resized;
window.addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => charts.forEach(draw), 150);
});

// The table of trials: searched and sorted in memory, shown a hundred rows at a time.
const PAGE = 100;
const HEADINGS = { trial: "trial", tuned: "tuned", validation: "validation", test: "test", headline: "last", seconds: "time (s)" };
const columns = data.trials.columns;
const used = columns.filter((_, i) => data.trials.rows.some((row) => row[i] !== null && row[i] !== ""));
const at = Object.fromEntries(columns.map((name, i) => [name, i]));
const CHANGED = columns.length, ERROR = columns.length + 1;
const haystacks = data.trials.rows.map((row) => {
  const changed = Object.entries(row[CHANGED]).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return [...row.slice(0, CHANGED), `seed=${row[at.seed]}`, ...changed, row[ERROR] ?? ""].join(" ").toLowerCase();
});
const body = document.querySelector("#trials tbody");
const more = document.getElementById("more");
const search = document.getElementById("search");
let matching = data.trials.rows.map((_, i) => i);
let shown = 0;
let sorted = { column: null, rising: true };

function cell(text, name) {
  const td = document.createElement("td");
  td.textContent = text ?? "";
  if (name === "status") td.className = text;
  return td;
}

function rowElement(index) {
  const row = data.trials.rows[index];
  const tr = document.createElement("tr");
  tr.append(...used.map((name) => cell(row[at[name]], name)));
  tr.addEventListener("click", () => toggleDetail(tr, row));
  return tr;
}

function toggleDetail(tr, row) {
  if (tr.nextSibling?.classList.contains("detail")) {
    tr.nextSibling.remove();
    return;
  }
  const changed = Object.entries(row[CHANGED]).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  const td = cell([changed.join("\n") || "the base config as it is", row[ERROR]].filter(Boolean).join("\n\n"));
  td.colSpan = used.length;
  const detail = document.createElement("tr");
  detail.className = "detail";
  detail.append(td);
  tr.after(detail);
}

function showMore() {
  body.append(...matching.slice(shown, shown + PAGE).map(rowElement));
  shown = Math.min(shown + PAGE, matching.length);
  more.hidden = shown === matching.length;
  document.getElementById("found").textContent =
    `${shown < matching.length ? `first ${shown} of ` : ""}${matching.length} trial${matching.length === 1 ? "" : "s"}`;
}

function refresh() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  matching = haystacks.flatMap((text, i) => (words.every((word) => text.includes(word)) ? [i] : []));
  if (sorted.column !== null) {
    const column = at[sorted.column];
    const sign = sorted.rising ? 1 : -1;
    const value = (i) => data.trials.rows[i][column];
    matching.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
    });
  }
  body.replaceChildren();
  shown = 0;
  showMore();
}

for (const name of used) {
  const th = document.createElement("th");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = HEADINGS[name] ?? name;
  button.addEventListener("click", () => {
    sorted = { column: name, rising: sorted.column === name ? !sorted.rising : true };
    document.querySelectorAll("#trials th").forEach((other) => other.removeAttribute("aria-sort"));
    th.setAttribute("aria-sort", sorted.rising ? "ascending" : "descending");
    refresh();
  });
  th.append(button);
  document.querySelector("#trials thead tr").append(th);
}
search.addEventListener("input", refresh);
more.addEventListener("click", showMore);
refresh();
