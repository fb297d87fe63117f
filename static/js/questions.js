// Handles number keys on a page with further questions, or with judgement and confidence in one row. Without this
// script the page works as a plain form.
//
// A number chooses an option of the current question. This is the question that the reader moved to with the tab key,
// or else the first one without an answer. In a text field a number is text. trial.js handles letters and Enter.

import { areThere } from "./viewing.js";

const form = document.querySelector("form.answer");

const inputsOf = (fields) => [...fields.querySelectorAll("input[type=radio], input[type=checkbox]")];
const isShown = (fields) => fields.offsetParent !== null && !fields.disabled;

// The questions that numbers can answer, in their order. Cues are among them while they are shown.
const questions = () => [...form.querySelectorAll("fieldset")].filter((one) => isShown(one) && inputsOf(one).length > 0);
const isAnswered = (fields) => inputsOf(fields).some((input) => input.checked);

let isTabbed = false; // the last move was by keyboard

function inTurn() {
  const focused = document.activeElement && document.activeElement.closest("form.answer fieldset");
  const all = questions();
  if (focused && all.includes(focused) && (isTabbed || !isAnswered(focused))) return focused;
  // Cues stay the current question once everything else has an answer, because a reader may choose several.
  return all.find((one) => !isAnswered(one)) || all.find((one) => one.matches(".cues")) || all.at(-1);
}

function mark() {
  const now = inTurn();
  for (const fields of form.querySelectorAll("fieldset")) fields.classList.toggle("in-turn", fields === now);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key === "Tab") isTabbed = true;
  if (event.target.matches("input[type=text]")) {
    if (event.key !== "Enter") event.stopPropagation(); // trial.js would take an R for an answer
    return;
  }
  if (!/^[1-9]$/.test(event.key)) return;
  const fields = inTurn();
  const input = fields && inputsOf(fields)[Number(event.key) - 1];
  event.stopPropagation();
  if (!input || !areThere(form.closest(".trial"))) return;
  input.checked = input.type === "radio" || !input.checked;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  event.preventDefault();
}

if (form) {
  document.addEventListener("keydown", onKey, { capture: true });
  document.addEventListener("pointerdown", () => { isTabbed = false; });
  document.addEventListener("focusin", mark);
  form.addEventListener("change", mark);
  // The next image has appeared, and its questions begin at the top. The fields are emptied after this event.
  form.addEventListener("reset", () => queueMicrotask(() => {
    isTabbed = false;
    mark();
    form.closest(".trial").scrollIntoView({ block: "start" });
  }));
  // If images are shown for a moment only, choices are allowed after the image has gone.
  new MutationObserver(mark).observe(form, { subtree: true, attributeFilter: ["disabled"] });
  mark();
}
