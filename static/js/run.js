// A training run's page: the slider through its sample grids, and figures that are updated while the run trains.

const FOLLOW_MS = 10000;

class GridSlider {
  constructor(figure) {
    this.figure = figure;
    this.image = figure.querySelector("img");
    this.range = figure.querySelector("input");
    this.output = figure.querySelector("output");
    this.steps = figure.dataset.steps.split(" ").map(Number);
    figure.querySelector(".slider").hidden = this.steps.length < 2;
    this.range.addEventListener("input", () => this.show());
  }

  show() {
    const step = this.steps[this.range.value];
    this.output.value = step;
    this.range.setAttribute("aria-valuetext", `step ${step}`);
    this.image.src = this.figure.dataset.address.replace(/0\.png$/, `${step}.png`);
  }

  // If the visitor was looking at the newest grid, show the new one.
  update(steps) {
    if (steps.length === this.steps.length) return;
    const atNewest = Number(this.range.value) === this.steps.length - 1;
    this.steps = steps;
    this.range.max = steps.length - 1;
    this.figure.querySelector(".slider").hidden = steps.length < 2;
    if (atNewest) {
      this.range.value = steps.length - 1;
      this.show();
    }
  }
}

const page = document.getElementById("run");
const sliders = new Map(
  [...page.querySelectorAll(".grid")].map((figure) => [figure.dataset.diagnosis, new GridSlider(figure)]),
);

async function follow() {
  let state;
  try {
    const response = await fetch(page.dataset.state, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    state = await response.json();
  } catch {
    setTimeout(follow, FOLLOW_MS);
    return;
  }
  const running = state.status === "running";
  page.querySelector("[data-shows=status]").textContent = running ? `running, step ${state.step}` : state.status;
  for (const figure of page.querySelectorAll("[data-figure]")) {
    const address = `${figure.src.split("?")[0]}?step=${state.step}`;
    figure.previousElementSibling.srcset = `${address}&narrow`; // drawn for phones
    figure.src = address;
  }
  for (const [diagnosis, steps] of Object.entries(state.grids)) {
    if (sliders.has(diagnosis)) sliders.get(diagnosis).update(steps);
    else if (steps.length) location.reload(); // the first grid: the page has no place for it yet
  }
  if (running) setTimeout(follow, FOLLOW_MS);
}

if (page.dataset.status === "running") follow();
