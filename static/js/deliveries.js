// Sends the answers that still wait in this browser, on every page, and tells the reader what happens to them.

import { Courier, Why } from "./courier.js";
import { forget, isOwn, undeliverable, waiting } from "./outbox.js";

const notice = document.getElementById("deliveries");
const texts = JSON.parse(document.getElementById("delivery-texts").textContent);
const fill = (text, values) => text.replace(/{(\w+)}/g, (_, name) => values[name]);

export const courier = new Courier(notice.dataset.token);

function showWaiting() {
  const found = waiting();
  const count = found.length;
  const line = document.getElementById("connection");
  const why = courier.why;
  // The page shows nothing about its own answers while they are being sent without a problem.
  line.hidden = count === 0 || (why === null && found.every(isOwn));
  if (line.hidden) return;
  const because = why === null ? "" : texts[why] || texts[Why.OFFLINE];
  const waits = fill(count === 1 ? texts.waits : texts.wait, { count });
  line.querySelector("span").textContent = [because, waits, courier.isFragile ? texts.fragile : ""].join(" ").trim();
  const login = line.querySelector("a");
  login.hidden = why !== Why.LOGIN && why !== Why.OTHER_READER;
  login.href = `${notice.dataset.login}?next=${encodeURIComponent(window.location.pathname)}`;
}

function showUndeliverable() {
  const found = undeliverable();
  const box = document.getElementById("undeliverable");
  box.hidden = found.length === 0;
  box.querySelector("ul").replaceChildren(
    ...found.map((one) => {
      const item = document.createElement("li");
      item.textContent = fill(texts.refused, { position: one.position, message: one.message });
      return item;
    }),
  );
}

document.querySelector("#undeliverable button").addEventListener("click", () => {
  undeliverable().forEach(forget);
  showUndeliverable();
});
// A page that says how many images are judged is out of date as soon as waiting answers have been stored.
const tellsCount = document.querySelector("[data-tells-count]") !== null;
let isOutOfDate = false;
courier.addEventListener("stored", () => { isOutOfDate = tellsCount; });
courier.addEventListener("change", () => {
  showWaiting();
  showUndeliverable();
  if (isOutOfDate && waiting().length === 0) window.location.reload();
});
showWaiting();
showUndeliverable();
// A judging page starts this itself, after it has begun to listen for the events of its answers.
if (waiting().length && !document.querySelector("form.answer")) courier.sendNow();
