// Enlarges the image with buttons, keys, the wheel or two fingers, and moves it by dragging.

const MOST = 8;
const STEPS = [1, 2, 4];
const FACTOR = 1.25; // by which a key or a turn of the wheel enlarges
const MOVE = 0.15; // of the window's side, by an arrow key

const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

export class Zoom {
  // `frame` holds the image. The form records the zoom that was used.
  constructor(frame, form) {
    this.frame = frame;
    this.form = form;
    this.hasSteps = frame.dataset.zoom === "steps";
    this.controls = frame.closest(".looking").querySelector(".zoom-controls");
    this.pointers = new Map();
    this.controls.hidden = false;
    frame.tabIndex = 0;
    this.controls.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.act(button.dataset.zoom);
    });
    document.addEventListener("keydown", (event) => this.onKey(event));
    frame.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    frame.addEventListener("pointerdown", (event) => this.onDown(event));
    frame.addEventListener("pointermove", (event) => this.onMove(event));
    for (const kind of ["pointerup", "pointercancel"]) {
      frame.addEventListener(kind, (event) => this.pointers.delete(event.pointerId));
    }
    frame.addEventListener("dragstart", (event) => event.preventDefault());
    // The click that ends a drag does not count as a click on the image.
    frame.addEventListener("click", (event) => { if (this.hasMoved) event.stopPropagation(); }, { capture: true });
    frame.addEventListener("dblclick", () => this.act(this.factor > 1 ? "whole" : "in"));
    window.addEventListener("resize", () => this.place());
    this.start();
  }

  // A new image is shown whole, and no zoom is recorded yet.
  start() {
    this.factor = this.largest = 1;
    this.x = this.y = 0; // of the window's left upper corner, in sides of the image
    this.enlarged = 0;
    this.since = null;
    this.pointers.clear();
    this.place();
  }

  act(what) {
    if (what === "whole") this.to(1);
    else if (!this.hasSteps) this.to(what === "in" ? this.factor * FACTOR ** 2 : this.factor / FACTOR ** 2);
    else {
      const at = STEPS.indexOf(this.factor) + (what === "in" ? 1 : -1);
      this.to(STEPS[clamp(at, 0, STEPS.length - 1)]);
    }
  }

  // Enlarges around the point (px, py) of the window, each from 0 to 1, which stays where it is.
  to(factor, px = 0.5, py = 0.5) {
    const next = clamp(factor, 1, this.hasSteps ? STEPS.at(-1) : MOST);
    this.x += px / this.factor - px / next;
    this.y += py / this.factor - py / next;
    this.factor = next;
    this.place();
  }

  move(dx, dy) {
    this.x += dx / this.factor;
    this.y += dy / this.factor;
    this.place();
  }

  place() {
    const most = 1 - 1 / this.factor;
    this.x = clamp(this.x, 0, most);
    this.y = clamp(this.y, 0, most);
    this.largest = Math.max(this.largest, this.factor);
    if (this.factor > 1 && this.since === null) this.since = performance.now();
    else if (this.factor === 1 && this.since !== null) {
      this.enlarged += performance.now() - this.since;
      this.since = null;
    }
    const image = this.frame.querySelector(".stimulus");
    image.style.transformOrigin = "0 0";
    image.style.transform = `scale(${this.factor}) translate(${-100 * this.x}%, ${-100 * this.y}%)`;
    this.frame.classList.toggle("enlarged", this.factor > 1);
    for (const button of this.controls.querySelectorAll("button")) {
      button.disabled = button.dataset.zoom === "in" ? this.factor >= (this.hasSteps ? STEPS.at(-1) : MOST) : this.factor <= 1;
    }
    this.controls.querySelector("output").textContent = `${Math.round(100 * this.factor)} %`;
    window.dispatchEvent(new Event("zoomed")); // marks on the image move with it
  }

  // Writes the zoom that was used into the form.
  note() {
    this.form.elements.zoom_percent.value = Math.round(100 * this.largest);
    const running = this.since === null ? 0 : performance.now() - this.since;
    this.form.elements.zoomed_ms.value = Math.round(this.enlarged + running);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("textarea, input[type=text]")) return;
    const asked = { "+": "in", "=": "in", "-": "out", "0": "whole" }[event.key];
    const ways = { ArrowLeft: [-MOVE, 0], ArrowRight: [MOVE, 0], ArrowUp: [0, -MOVE], ArrowDown: [0, MOVE] };
    if (asked) this.act(asked);
    else if (event.target === this.frame && this.factor > 1 && ways[event.key]) this.move(...ways[event.key]);
    else return;
    event.preventDefault();
  }

  onWheel(event) {
    const isMeant = event.ctrlKey || document.activeElement === this.frame; // two fingers on a trackpad send ctrl
    if (this.factor === 1 && (event.deltaY > 0 || !isMeant)) return; // the page scrolls
    event.preventDefault();
    const [px, py] = this.within(event);
    if (!this.hasSteps) this.to(this.factor * (event.deltaY < 0 ? FACTOR : 1 / FACTOR), px, py);
    else if (event.timeStamp - (this.lastWheel || 0) > 250) { // a trackpad sends many for one gesture
      this.lastWheel = event.timeStamp;
      const at = STEPS.indexOf(this.factor) + (event.deltaY < 0 ? 1 : -1);
      this.to(STEPS[clamp(at, 0, STEPS.length - 1)], px, py);
    }
  }

  onDown(event) {
    this.hasMoved = false;
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.factor > 1) this.frame.setPointerCapture(event.pointerId);
  }

  onMove(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    if (Math.hypot(event.clientX - before[0], event.clientY - before[1]) > 2) this.hasMoved = true;
    const side = this.frame.clientWidth;
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    if (others.length === 1 && !this.hasSteps) {
      const [[, [ox, oy]]] = others;
      const distance = (x, y) => Math.hypot(x - ox, y - oy) || 1;
      const box = this.frame.getBoundingClientRect();
      const middle = [((event.clientX + ox) / 2 - box.left) / side, ((event.clientY + oy) / 2 - box.top) / side];
      this.to(this.factor * (distance(event.clientX, event.clientY) / distance(...before)), ...middle);
    } else if (this.factor > 1) this.move((before[0] - event.clientX) / side, (before[1] - event.clientY) / side);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  within(event) {
    const box = this.frame.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }
}
