// What every page does with a script: keys, the light-or-dark switch, copying, menus that close.
// Without it everything is still a link or a form.

const GO_WAIT_MS = 1200;
const BUSY_AFTER_MS = 300;
const YEAR_S = 365 * 24 * 3600;

function main() {
  reveal();
  // On a phone the pages are a row that scrolls.
  document.querySelector(".rail nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", onKey);
  document.addEventListener("change", onChange);
  document.addEventListener("submit", leaveOutEmpty, true);
  document.body.addEventListener("htmx:afterSwap", reveal);
  window.addEventListener("pageshow", refresh);
}

// A page that the browser kept comes back as it was left: with a bar, and with fields sent.
function refresh() {
  document.querySelector(".busy")?.remove();
  for (const field of document.querySelectorAll("form[method=get] :disabled")) field.disabled = false;
}

// Buttons that need a script are hidden until there is one.
function reveal() {
  for (const button of document.querySelectorAll("[data-copy], [data-keys], [data-theme-switch], [data-from-file]")) {
    button.hidden = false;
  }
}

function onClick(event) {
  const target = event.target instanceof Element ? event.target : null;
  const copy = target?.closest("[data-copy]");
  if (copy) copyFrom(copy);
  if (target?.closest("[data-keys]")) document.getElementById("keys")?.showModal();
  if (target?.closest("[data-theme-switch]")) switchTheme();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
  const link = target?.closest("a[href]");
  if (link && !event.defaultPrevented && leaves(link, event)) showBusySoon();
}

function leaves(link, event) {
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  const here = link.origin === location.origin && !link.hasAttribute("download") && !link.target;
  return plain && here && link.pathname + link.search !== location.pathname + location.search;
}

function showBusySoon() {
  setTimeout(() => {
    const bar = document.createElement("div");
    bar.className = "busy";
    bar.setAttribute("role", "progressbar");
    bar.setAttribute("aria-label", document.body.dataset.loading);
    document.body.append(bar);
  }, BUSY_AFTER_MS);
}

async function copyFrom(button) {
  const source = button.parentElement.querySelector("pre, code, input");
  await navigator.clipboard.writeText(source.value ?? source.textContent);
  const label = button.querySelector("span") ?? button;
  const before = label.textContent;
  label.textContent = document.body.dataset.copied;
  setTimeout(() => (label.textContent = before), 1500);
}

function switchTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const now = document.documentElement.dataset.theme || system;
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${next}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax${secure}`;
  document.dispatchEvent(new Event("themechange"));
}

// A form marked data-auto is sent as soon as a choice in it changes.
function onChange(event) {
  const form = event.target.closest?.("form[data-auto]");
  if (form && event.target.matches("select, [type=radio], [type=checkbox]")) form.requestSubmit();
  if (event.target.matches?.("[type=file][data-into]")) readInto(event.target);
}

// What is in a file becomes what is in a field, where it can be looked at before it is sent.
async function readInto(chooser) {
  const [file] = chooser.files;
  if (file) document.getElementById(chooser.dataset.into).value = await file.text();
  chooser.value = "";
}

// Keeps addresses short: a filter that says nothing is not in them.
function leaveOutEmpty(event) {
  const form = event.target;
  if (form.method !== "get") return;
  for (const field of form.elements) {
    if (field.name && field.value === "") field.disabled = true;
  }
  showBusySoon();
}

let waiting = "";

function onKey(event) {
  if (event.key === "Escape") return closeMenus();
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (waiting === "g") {
    waiting = "";
    document.querySelector(`[data-go="${CSS.escape(event.key)}"]`)?.click();
    return;
  }
  const action = ACTIONS[event.key];
  if (action) action(event);
}

function closeMenus() {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
}

const ACTIONS = {
  "/": (event) => {
    const field = document.querySelector("input[type=search]");
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  },
  "?": () => document.getElementById("keys")?.showModal(),
  g: () => {
    waiting = "g";
    setTimeout(() => (waiting = ""), GO_WAIT_MS);
  },
  j: () => step(1),
  k: () => step(-1),
  Enter: () => {
    if (document.activeElement === document.body) {
      document.querySelector(".marked .open")?.click();
    }
  },
};

// Marks the next turn of a transcript or row of a list, and brings it into view.
function step(by) {
  const items = [...document.querySelectorAll(".turn, tr.door, li.door")];
  if (!items.length) return;
  const at = items.findIndex((item) => item.classList.contains("marked"));
  const next = items[Math.max(0, Math.min(items.length - 1, at < 0 ? 0 : at + by))];
  items[at]?.classList.remove("marked");
  next.classList.add("marked");
  next.scrollIntoView({ block: "nearest" });
}

main();
