// Follows the job on its page. When the job has ended, the page reloads and shows the result.

const FOLLOW_MS = 1000;
const LATER_MS = 10000; // when the site does not answer

const page = document.getElementById("job");
const bar = page.querySelector("progress");

function show(state) {
  page.querySelector("[data-shows=state]").textContent = state.shown;
  const count = state.total ? `: ${state.done} of ${state.total}` : state.done ? `: ${state.done}` : "";
  page.querySelector("[data-shows=progress]").textContent = state.label + count;
  if (state.total) {
    bar.max = state.total;
    bar.value = state.done;
  } else {
    bar.removeAttribute("value"); // nobody knows how much is left
  }
  const log = page.querySelector("[data-shows=log]");
  log.hidden = !state.log;
  const text = log.querySelector("pre");
  if (text.textContent !== state.log) text.textContent = state.log;
}

async function follow() {
  let state;
  try {
    const response = await fetch(page.dataset.address, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(response.status);
    state = await response.json();
  } catch {
    setTimeout(follow, LATER_MS);
    return;
  }
  if (["waiting", "running"].includes(state.state)) {
    show(state);
    setTimeout(follow, FOLLOW_MS);
  } else {
    location.reload();
  }
}

if (bar) follow();
