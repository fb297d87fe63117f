// Shows an image for a set time: first a cross to look at, then the image, then a mask. Times are counted in frames of
// the screen.

import { Lateness } from "./viewing.js";

const CROSS_MS = 1000;
const FRAMES_MEASURED = 20;
const RETRY_MS = 2000;

const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const nextFrame = () => new Promise(requestAnimationFrame);

export class BriefImage {
  // The form accepts choices only after the image has gone. `onShown(time)` gets the time at which the image appeared.
  constructor(form, onShown) {
    this.form = form;
    this.lateness = new Lateness();
    this.onShown = onShown;
    this.canvas = form.closest(".trial").querySelector("canvas.stimulus");
    this.pen = this.canvas.getContext("2d");
    this.mask = noise(this.canvas.width);
    this.exposures = new Map(); // position: milliseconds, once the server has said
    this.isReady = false;
    this.look = form.querySelector("#look");
    form.querySelector("#needs-script").hidden = true;
  }

  // The first image waits until the reader starts it, so that nobody misses it while the page loads.
  first() {
    const image = new Image();
    image.src = this.canvas.dataset.src;
    const position = Number(this.form.elements.position.value);
    this.know(position, Number(this.canvas.dataset.exposure));
    this.allow(false);
    this.drawCross();
    const before = this.remembered(position);
    if (before) { // shown already, before the page was left
      this.drawMask();
      this.finish(before);
      return;
    }
    this.look.hidden = false;
    this.look.focus();
    this.look.addEventListener("click", () => this.present([image], position), { once: true });
  }

  know(position, exposure) {
    this.exposures.set(position, exposure);
  }

  async present([image], position) {
    this.look.hidden = true;
    this.allow(false);
    this.drawCross();
    const loaded = this.loaded(image);
    const [frame] = await Promise.all([frameTime(), wait(CROSS_MS), loaded]);
    while (!this.exposures.has(position)) await wait(50); // the answer before has not arrived yet
    const exposure = this.exposures.get(position);
    this.remember({ position, shown: exposure, dropped: "" });
    const result = await this.expose(image, exposure, frame);
    this.remember({ position, ...result });
    this.onShown(result.onset);
    this.finish(result);
  }

  async loaded(image) {
    this.lateness.begin();
    await this.decoded(image);
    this.lateness.end();
  }

  async decoded(image) {
    for (;;) {
      try {
        await image.decode();
        return;
      } catch { // without a connection it comes when the connection does
        await wait(RETRY_MS);
        image.src = image.getAttribute("src");
      }
    }
  }

  // The screen shows a drawing from its frame's time on. The difference of two such times is the exposure.
  async expose(image, exposure, frame) {
    const onset = await nextFrame();
    this.pen.drawImage(image, 0, 0, this.canvas.width, this.canvas.height);
    let frames = 0;
    let now = onset;
    while (now - onset < exposure - frame / 2) {
      now = await nextFrame();
      frames += 1;
    }
    this.drawMask();
    const shown = now - onset;
    return { onset, shown: Math.round(shown), dropped: Math.max(0, Math.round(shown / frame) - frames) };
  }

  finish({ shown, dropped }) {
    this.form.elements.shown_ms.value = shown;
    this.form.elements.dropped_frames.value = dropped;
    this.allow(true);
  }

  allow(isReady) {
    this.isReady = isReady;
    for (const fields of this.form.querySelectorAll("fieldset")) fields.disabled = !isReady;
  }

  drawCross() {
    const side = this.canvas.width;
    const arm = Math.round(side / 16);
    this.pen.fillStyle = getComputedStyle(this.canvas).backgroundColor;
    this.pen.fillRect(0, 0, side, side);
    this.pen.fillStyle = "#fff";
    const width = 2 * Math.max(1, Math.round(side / 128)); // even: no half pixels
    this.pen.fillRect(side / 2 - arm, side / 2 - width / 2, 2 * arm, width);
    this.pen.fillRect(side / 2 - width / 2, side / 2 - arm, width, 2 * arm);
  }

  drawMask() {
    this.pen.drawImage(this.mask, 0, 0);
  }

  // Kept across a reload, so that an image is shown once, however often the page is loaded.
  remember(result) {
    try {
      localStorage.setItem(this.name, JSON.stringify(result));
    } catch {
      // Without storage a reload shows the image again.
    }
  }

  remembered(position) {
    try {
      const result = JSON.parse(localStorage.getItem(this.name));
      return result && result.position === position ? result : null;
    } catch {
      return null;
    }
  }

  get name() {
    return `image shown in reading ${this.form.elements.reading.value}`;
  }
}

// The screen's time between two frames. It is the median, so that a busy moment does not count.
async function frameTime() {
  const times = [];
  for (let count = 0; count <= FRAMES_MEASURED; count += 1) times.push(await nextFrame());
  const steps = times.slice(1).map((time, index) => time - times[index]).sort((a, b) => a - b);
  return steps[FRAMES_MEASURED / 2];
}

// Noise at all scales in the colours of skin, which replaces the afterimage. It does not depend on the image, because a
// mask made from the image would go on showing its textures.
function noise(side) {
  const mask = document.createElement("canvas");
  mask.width = mask.height = side;
  const pen = mask.getContext("2d");
  let layers = 0;
  for (let cells = 4; cells <= side; cells *= 2) {
    const grain = document.createElement("canvas");
    grain.width = grain.height = cells;
    const brush = grain.getContext("2d");
    const pixels = brush.createImageData(cells, cells);
    for (let index = 0; index < pixels.data.length; index += 4) {
      const light = Math.random() < 0.5 ? 30 : 255;
      pixels.data.set([light, light * (0.6 + 0.2 * Math.random()), light * (0.5 + 0.3 * Math.random()), 255], index);
    }
    brush.putImageData(pixels, 0, 0);
    layers += 1;
    pen.globalAlpha = 1 / layers; // the mean of all: as much of every size
    pen.drawImage(grain, 0, 0, side, side);
  }
  return mask;
}
