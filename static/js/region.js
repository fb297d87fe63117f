// Lets the reader mark the place in the image that looks generated: by a press on the image, or by a button and then the
// arrow keys.

import { areThere } from "./viewing.js";

const STEP = 0.02; // of the image's side

const fields = document.querySelector("fieldset.region");
const form = fields.closest("form");
const section = fields.closest(".trial");
const input = fields.querySelector("input[type=hidden]");
const setButton = fields.querySelector("[data-set]");
const removeButton = fields.querySelector("[data-remove]");
const mark = document.createElement("button");
mark.type = "button";
mark.className = "mark";
mark.setAttribute("aria-label", fields.dataset.mark);

const image = () => section.querySelector("img.stimulus");
const isAsked = () => fields.offsetParent !== null;
const clamp = (value) => Math.min(1, Math.max(0, value));

function place() {
  const isSet = isAsked() && input.value !== "";
  mark.hidden = !isSet;
  removeButton.hidden = input.value === "";
  image().classList.toggle("may-mark", isAsked());
  if (!isSet) return;
  const [left, top] = input.value.split(" ").map(Number);
  const box = image().getBoundingClientRect();
  const seen = (image().closest(".frame") || image()).getBoundingClientRect(); // of an enlarged image a part
  const [x, y] = [box.left + left * box.width, box.top + top * box.height];
  mark.hidden = x < seen.left || x > seen.right || y < seen.top || y > seen.bottom;
  const origin = section.getBoundingClientRect();
  mark.style.left = `${x - origin.left}px`;
  mark.style.top = `${y - origin.top}px`;
}

function set(left, top) {
  input.value = `${clamp(left).toFixed(3)} ${clamp(top).toFixed(3)}`;
  place();
}

section.addEventListener("click", (event) => {
  if (!event.target.matches(".frame, img.stimulus") || !isAsked() || fields.disabled || !areThere(section)) return;
  const box = image().getBoundingClientRect();
  set((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
});
setButton.addEventListener("click", () => {
  set(0.5, 0.5);
  mark.focus();
});
removeButton.addEventListener("click", () => {
  input.value = "";
  place();
  setButton.focus();
});
mark.addEventListener("keydown", (event) => {
  const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] || [0, 0];
  if (!x && !y) return;
  const [left, top] = input.value.split(" ").map(Number);
  set(left + x * STEP, top + y * STEP);
  event.preventDefault();
});
form.addEventListener("change", place);
form.addEventListener("reset", () => {
  input.value = "";
  queueMicrotask(place);
});
for (const event of ["scroll", "resize", "zoomed"]) window.addEventListener(event, place, { passive: true });

fields.hidden = false;
section.classList.add("has-mark");
section.append(mark);
place();
