// The page's whole life: what the user gives goes to each model that reads it, and its genres come back as bars.

const TYPING = 250; // ms of quiet after which what has been typed is sent
const SPEAKING = 900; // ms of quiet after which the answers are announced
const MOVING = 260; // ms in which bars get to their new places
const SHOWN = 10; // genres of a panel, until all are asked for
const TITLES = { poster: "From the poster", overview: "From the overview", "poster overview": "From both together" };
const NEEDS = { poster: "Give a poster.", overview: "Type or paste an overview.", "poster overview": "Give a poster, an overview or both." };

const at = (id) => document.getElementById(id);
const copyOf = (id) => at(id).content.firstElementChild.cloneNode(true);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const film = { poster: null, overview: "" };
const panels = [];
let limit = Infinity; // bytes of a poster

/* ---------------------------------------------------------------- a model */

class Panel {
  constructor(model) {
    this.model = model;
    this.inputs = model.inputs.join(" ");
    this.title = TITLES[this.inputs];
    this.element = copyOf("panel");
    this.part = (selector) => this.element.querySelector(selector);
    this.rows = new Map(); // by genre
    this.genres = [];
    this.part("h2").textContent = this.title;
    this.element.setAttribute("aria-label", `${this.title}, ${model.name}`);
    this.part(".again").addEventListener("click", () => this.ask());
    this.part(".all").addEventListener("click", () => this.show(this.part(".all").ariaExpanded !== "true"));
    this.reset();
  }

  reset() {
    this.answered("");
    this.part(".version").textContent = this.model.name;
    this.part(".need").textContent = NEEDS[this.inputs];
  }

  later(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), delay);
  }

  async ask() {
    clearTimeout(this.timer);
    this.asking?.abort(); // whatever is still to come would be stale
    this.asking = null;
    const form = new FormData();
    for (const input of this.model.inputs) if (film[input]) form.append(input, film[input]);
    if (form.keys().next().done) {
      this.element.ariaBusy = "false";
      this.reset();
      return;
    }
    const asking = (this.asking = new AbortController());
    this.element.ariaBusy = "true";
    try {
      const answer = await fetched(`api/predict/${encodeURIComponent(this.model.name)}`, {
        method: "POST", body: form, signal: asking.signal });
      if (asking !== this.asking) return;
      this.part(".version").textContent = `${this.model.name}, version ${answer.version}`;
      this.answered("", answer.genres);
    } catch (error) {
      if (asking !== this.asking) return;
      this.answered(error.message);
    }
    this.asking = null;
    this.element.ariaBusy = "false";
    announceSoon();
  }

  answered(error, genres = []) {
    this.error = this.part(".error").textContent = error;
    this.part(".again").hidden = !error;
    this.part(".need").textContent = "";
    this.genres = genres;
    this.show();
  }

  // Rows are kept and moved, so that one can follow a genre up and down.
  show(all = this.part(".all").ariaExpanded === "true") {
    const last = this.genres.findLastIndex((genre) => genre.predicted);
    const count = all ? this.genres.length : Math.max(SHOWN, last + 1);
    const before = new Map([...this.rows].map(([name, row]) => [name, placeOf(row)]));
    const rows = this.genres.slice(0, count).map((genre) => filled(this.rows.get(genre.name) ?? copyOf("genre"), genre));
    this.rows = new Map(rows.map((row, i) => [this.genres[i].name, row]));
    this.part(".genres").replaceChildren(...rows);
    for (const [name, row] of this.rows) move(row, before.get(name));
    const button = this.part(".all");
    button.hidden = this.genres.length <= Math.max(SHOWN, last + 1);
    button.ariaExpanded = String(all);
    button.textContent = all ? "Fewer genres" : `All ${this.genres.length} genres`;
    at("legend").hidden = !panels.some((panel) => panel.genres.length);
  }

  words() {
    if (this.error) return `${this.title}: ${this.error}`;
    const said = this.genres.filter((genre) => genre.predicted).map((genre) => genre.name);
    return this.genres.length ? `${this.title}: ${said.join(", ") || "no genre reaches its threshold"}.` : "";
  }
}

function filled(row, { name, score, threshold, predicted }) {
  row.classList.toggle("predicted", predicted);
  row.dataset.genre = name;
  row.querySelector(".name").textContent = name;
  row.querySelector(".score").textContent = score.toFixed(2);
  row.querySelector(".fill").style.width = `${100 * score}%`;
  const tick = row.querySelector(".tick");
  tick.hidden = threshold === null;
  tick.style.left = `${100 * threshold}%`;
  row.querySelector(".said").textContent =
    (threshold === null ? "" : `, threshold ${threshold.toFixed(2)}`) + (predicted ? ", predicted" : "");
  return row;
}

function placeOf(row) {
  return { top: row.offsetTop, width: row.querySelector(".fill").offsetWidth };
}

function move(row, before) {
  if (calm.matches) return;
  const now = placeOf(row), how = { duration: MOVING, easing: "ease-out" };
  if (!before) row.animate([{ opacity: 0 }, { opacity: 1 }], how);
  else if (before.top !== now.top) row.animate([{ transform: `translateY(${before.top - now.top}px)` }, { transform: "none" }], how);
  row.querySelector(".fill").animate([{ width: `${before?.width ?? 0}px` }, { width: `${now.width}px` }], how);
}

let speaking;
function announceSoon() {
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    if (!panels.some((panel) => panel.asking)) at("status").textContent = panels.map((panel) => panel.words()).filter(Boolean).join(" ");
  }, SPEAKING);
}

async function fetched(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    throw error.name === "AbortError" ? error : new Error("This page’s own server does not answer. Is marquee demo still running?");
  }
  const answer = await response.json().catch(() => ({ error: `The server answered ${response.status}.` }));
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

/* ---------------------------------------------------------------- the film */

function changed(input, delay = 0) {
  for (const panel of panels) if (panel.model.inputs.includes(input)) panel.later(delay);
}

function setOverview(text, delay) {
  film.overview = text.trim();
  at("clear").hidden = !text;
  changed("overview", delay);
}

function setPoster(file) {
  URL.revokeObjectURL(at("preview").src);
  film.poster = file;
  at("poster-error").textContent = "";
  at("drop").classList.toggle("full", Boolean(file));
  at("preview").hidden = at("remove").hidden = !file;
  if (file) at("preview").src = URL.createObjectURL(file);
  else at("preview").removeAttribute("src");
  changed("poster");
}

let turn = 0; // of posters: one that takes long to be read must not come after a later one

async function givePoster(file) {
  const mine = ++turn;
  unpick();
  const words = await refusalOf(file);
  if (mine !== turn) return;
  if (words) at("poster-error").textContent = words;
  else setPoster(file);
}

async function refusalOf(file) {
  const name = file.name ? `“${file.name}”` : "This";
  if (file.size > limit) return `${name} has ${Math.ceil(file.size / 2 ** 20)} MB; a poster may have up to ${limit / 2 ** 20}.`;
  if (file.type && !["image/jpeg", "image/png"].includes(file.type)) return `${name} is not a poster: it has to be a JPEG or PNG file.`;
  try {
    (await createImageBitmap(file)).close();
    return "";
  } catch {
    return `${name} cannot be read as a picture.`;
  }
}

/* ---------------------------------------------------------------- ready-made films */

function button(ready) {
  const item = copyOf("film"), element = item.firstElementChild;
  if (ready.poster) element.querySelector("img").src = ready.poster;
  element.querySelector(".words").textContent = ready.genres.join(", ");
  element.addEventListener("click", () => pick(ready, element));
  return item;
}

async function pick(ready, element) {
  const mine = ++turn;
  try {
    const poster = ready.poster && (await (await fetch(ready.poster)).blob());
    if (mine !== turn) return;
    setPoster(poster);
  } catch {
    at("page-error").textContent = "The film’s poster cannot be had. Is marquee demo still running?";
    return;
  }
  at("page-error").textContent = "";
  at("overview").value = ready.overview;
  setOverview(ready.overview, 0);
  unpick();
  element.ariaPressed = "true";
  at("truth").replaceChildren("The data say: ", Object.assign(document.createElement("strong"), { textContent: ready.genres.join(", ") }));
}

function unpick() {
  for (const element of at("films").querySelectorAll("[aria-pressed=true]")) element.ariaPressed = "false";
  at("truth").textContent = "";
}

/* ---------------------------------------------------------------- what the user does */

at("overview").addEventListener("input", () => {
  unpick();
  setOverview(at("overview").value, TYPING);
});
at("clear").addEventListener("click", () => {
  unpick();
  at("overview").value = "";
  at("overview").focus();
  setOverview("", 0);
});
at("poster").addEventListener("change", () => {
  const [file] = at("poster").files;
  at("poster").value = ""; // so that the same file can be chosen again
  if (file) givePoster(file);
});
at("remove").addEventListener("click", () => {
  turn++;
  unpick();
  at("poster").focus();
  setPoster(null);
});
addEventListener("paste", (event) => {
  if (!event.clipboardData.files.length) return;
  event.preventDefault();
  givePoster(event.clipboardData.files[0]);
});
// Anywhere on the page: what misses the zone would otherwise make the browser leave for the file.
addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  at("drop").classList.add("over");
});
addEventListener("dragleave", (event) => event.relatedTarget ?? at("drop").classList.remove("over"));
addEventListener("drop", (event) => {
  at("drop").classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  givePoster(event.dataTransfer.files[0]);
});

/* ---------------------------------------------------------------- the beginning */

try {
  const [known, ready] = await Promise.all([fetched("api/models"), fetched("api/films")]);
  limit = known.max_poster_bytes;
  panels.push(...known.models.map((model) => new Panel(model)));
  at("panels").replaceChildren(...panels.map((panel) => panel.element));
  at("films").replaceChildren(...ready.films.map(button));
  at("films").parentElement.hidden = !ready.films.length;
  // A browser that comes back to the page may have kept the text, and a poster may have been given before this.
  setOverview(at("overview").value, 0);
  changed("poster");
} catch (error) {
  at("page-error").textContent = error.message;
}
