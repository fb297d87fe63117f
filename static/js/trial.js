// The judging page: keys, response times, and the next image at once while the answer is still being sent.
// Without this script the page works as a plain form.

import { Away } from "./away.js";
import { Why } from "./courier.js";
import { courier } from "./deliveries.js";
import { BriefImage } from "./exposure.js";
import { waiting } from "./outbox.js";
import { Preloader, StillImage, areThere, fitToDevicePixels } from "./viewing.js";
import { Zoom } from "./zoom.js";

const LOADED_AHEAD = 4;

const form = document.querySelector("form.answer");
const ahead = document.getElementById("ahead");

fitToDevicePixels();
window.addEventListener("resize", fitToDevicePixels);

// Measures the time from the first paint of the image to the choice, and how much of it the reader was away.
function timeAnswers() {
  const timed = form.dataset.timed || "answer"; // the field whose choice ends the time
  const away = new Away();
  let painted = null;
  let awayBefore = 0;
  form.addEventListener("change", (event) => {
    if (event.target.name === timed && painted !== null) {
      form.elements.response_time_ms.value = Math.round(performance.now() - painted);
      form.elements.away_ms.value = Math.round(away.milliseconds - awayBefore);
    }
  });
  const onShown = (time) => {
    painted = time;
    awayBefore = away.milliseconds;
  };
  return form.closest(".trial").querySelector("canvas") ? new BriefImage(form, onShown) : new StillImage(form, onShown);
}

function listenToKeys() {
  const asksConfidence = Boolean(form && form.querySelector("input[name=confidence]"));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const key = event.key.toLowerCase();
    const choose = (selector) => {
      const input = form && form.querySelector(selector);
      if (!input || input.matches(":disabled") || !areThere(form.closest(".trial"))) return;
      input.checked = true;
      input.dispatchEvent(new Event("change", { bubbles: true }));
      event.preventDefault();
    };
    if (/^\p{Letter}$/u.test(key)) choose(`input[name="answer"][data-key="${key}"]`);
    // The arrows choose a side of a pair. Within the levels of confidence they move from one level to the next.
    else if (/^arrow(left|right)$/.test(key) && !event.target.matches("[name=confidence]")) choose(`input[data-key="${key}"]`);
    else if (/^[1-9]$/.test(key)) choose(asksConfidence ? `input[name="confidence"][value="${key}"]` : `input[data-number="${key}"]`);
    else if (key === "enter" && !event.target.closest("a, button")) {
      event.preventDefault();
      const look = document.querySelector("#look:not([hidden])");
      if (look) look.click();
      else if (form) form.requestSubmit();
      else document.querySelector("[data-enter]")?.click();
    } else if (key === "backspace" && !event.target.closest("input[type=text]")) {
      document.querySelector("a[data-backspace]:not([hidden])")?.click();
    }
  });
}

// Answers wait in this browser until the server has them. If the next image is known, it is shown at once. Otherwise, as
// on pages of several images and in practice, the page goes on when the server has replied.
function goAhead(viewer) {
  const listed = ahead ? JSON.parse(ahead.textContent) : {};
  const known = new Map(Object.entries(listed).map(([key, value]) => [Number(key), value]));
  const texts = ahead ? JSON.parse(document.getElementById("texts").textContent) : {};
  const say = (text, values) => text.replace(/{(\w+)}/g, (_, name) => values[name]);
  const preloader = new Preloader();
  const total = Number(form.dataset.total);
  let position = Number(form.elements.position.value);
  const frame = form.closest(".trial").querySelector(".frame");
  const zoom = frame ? new Zoom(frame, form) : null;
  // Zoom is recorded until the judgement, as the times are. Later zoom only helps to mark a place.
  form.addEventListener("change", (event) => { if (event.target.name === (form.dataset.timed || "answer")) zoom?.note(); });
  let left = null; // the address to go to once every answer has arrived; null while images follow

  const loadAhead = () => {
    for (let next = position + 1; next <= position + LOADED_AHEAD; next += 1) {
      if (known.has(next)) [known.get(next)].flat().forEach((address) => preloader.want(address));
    }
  };

  const reading = form.elements.reading.value;
  const waitingHere = () => waiting().filter((answer) => answer.reading === reading);
  let isLeaving = false;
  const leave = (address) => {
    if (isLeaving) return;
    isLeaving = true;
    const target = new URL(address || form.dataset.continue, window.location.href);
    if (target.pathname === window.location.pathname) { // another image of this page: it has to be loaded again
      history.replaceState({}, "", target);
      window.location.reload();
    } else window.location.assign(target);
  };

  // Goes back to the last image if the study allows it, or away from it again. The server sends that page and must have
  // every answer first. Meanwhile the reader may also go on.
  const back = form.querySelector("a.back");
  let backTo = null;
  const goBack = async () => {
    if (backTo === null) return;
    const target = backTo;
    const isThere = waitingHere().length === 0 && await courier.renewToken();
    if (isThere && target === backTo) leave(target);
    else document.getElementById("back-waits").hidden = backTo === null || (waitingHere().length > 0 && courier.why === null);
  };
  back?.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // into another tab
    event.preventDefault();
    if (left !== null) return;
    backTo = back.href;
    goBack();
  });
  window.addEventListener("online", goBack);

  courier.addEventListener("stored", ({ detail: { answer, reply } }) => {
    if (answer.reading !== reading) return;
    if (reply.exposure_ms) viewer.know(answer.position + 1, reply.exposure_ms);
    for (const [key, value] of Object.entries(reply.ahead || {})) known.set(Number(key), value);
    loadAhead();
    if (left !== null && waitingHere().length === 0) leave(reply.location);
    else goBack();
  });
  // The next page shows which answer was refused, and why.
  courier.addEventListener("refused", ({ detail: { answer, reply } }) => {
    if (answer.reading === reading && waitingHere().length === 0) leave(reply.location);
  });
  courier.addEventListener("change", () => {
    const waits = waitingHere().length > 0;
    if (left !== null && !waits) leave(); // another tab delivered the last one
    else if (waits && courier.why === Why.LOGIN) leave(document.querySelector("#connection a").href);
    else if (courier.why === Why.OUT_OF_TURN && isOlderThan(waitingHere())) leave();
    else if (courier.why !== null) goBack();
  });

  // Whether answers to this page's image or an earlier one wait. If so, the server would send another next image. If only
  // answers to later images wait, the reader answers this image first, and the others follow.
  function isOlderThan(answers) {
    return answers.some((answer) => answer.position <= position);
  }

  function wait() {
    left = position;
    form.querySelector("button").disabled = true;
  }

  function show(next) {
    const section = form.closest(".trial");
    const images = [known.get(next)].flat().map((address) => { // of a pair two, from left to right
      const image = preloader.take(address) || new Image();
      if (!image.getAttribute("src")) image.src = address;
      return image;
    });
    position = next;
    form.reset();
    form.elements.position.value = next;
    for (const name of ["response_time_ms", "shown_ms", "dropped_frames", "away_ms"]) form.elements[name].value = "";
    const title = say(texts.position, { position: next, total });
    section.id = `image-${next}`;
    section.setAttribute("aria-label", title);
    document.getElementById("announce").textContent = title;
    if (back) {
      back.href = `${window.location.pathname.replace(/\d+\/$/, `${next - 1}/`)}?correct=${next - 1}`;
      back.hidden = false;
    }
    document.getElementById("count").textContent = say(texts.count, { count: next - 1, total });
    document.querySelector(".progress-line progress").value = next - 1;
    history.pushState({}, "", window.location.pathname.replace(/\d+\/$/, `${next}/`));
    section.focus({ preventScroll: true });
    viewer.present(images, next);
    zoom?.start();
    loadAhead();
  }

  // Nobody judges what is not shown. A click that is prevented leaves the choice as it was.
  form.addEventListener("click", (event) => {
    if (event.target.matches("input[type=radio], input[type=checkbox]") && !viewer.isReady) event.preventDefault();
  }, { capture: true });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (left !== null || !viewer.isReady) return;
    backTo = null;
    if (back) document.getElementById("back-waits").hidden = true;
    const fields = [...new FormData(form)];
    courier.add(reading, window.location.pathname, fields);
    const isAnswered = waitingHere().some((answer) => answer.position === position + 1);
    if (known.has(position + 1) && !isAnswered) show(position + 1);
    else wait();
  });

  window.addEventListener("popstate", () => window.location.reload());
  window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload(); });
  window.addEventListener("beforeunload", (event) => { if (!isLeaving && waitingHere().length) event.preventDefault(); });
  // Answers kept from before a reload. If one of them is to the image that the page shows, the page is older than they are.
  if (isOlderThan(waitingHere())) wait();
  loadAhead();
}

listenToKeys();
if (form) {
  const viewer = timeAnswers();
  viewer.first();
  goAhead(viewer);
}
if (form) courier.reading = form.elements.reading.value;
if (waiting().length) courier.sendNow(); // now that this page listens to what becomes of them
