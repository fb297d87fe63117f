// Judging by keyboard, response times, and an image drawn at a whole number of device pixels per pixel.
// Without this script the page works as a plain form.

const form = document.querySelector("form.answer");

function fitToDevicePixels() {
  const ratio = window.devicePixelRatio || 1;
  for (const image of document.querySelectorAll(".stimulus")) {
    const pixels = Number(image.dataset.pixels);
    const room = Math.min(512, image.closest(".trial").clientWidth);
    const factor = Math.max(1, Math.floor((room * ratio) / pixels));
    image.style.width = image.style.height = `${(factor * pixels) / ratio}px`;
  }
}

fitToDevicePixels();
window.addEventListener("resize", fitToDevicePixels);

function measureFromFirstPaint(image, onPaint) {
  // decode() resolves when the pixels are ready; the second frame after it is the first that has shown them.
  const after = () => requestAnimationFrame(() => requestAnimationFrame(() => onPaint(performance.now())));
  image.decode().then(after, after);
}

if (form) {
  let painted = null;
  const image = form.closest(".trial").querySelector(".stimulus");
  measureFromFirstPaint(image, (time) => { painted = time; });

  form.addEventListener("change", (event) => {
    if (event.target.name === "answer" && painted !== null) {
      form.elements.response_time_ms.value = Math.round(performance.now() - painted);
    }
  });

  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  // A page that the browser brings back from memory may be sent again; the server counts it once.
  window.addEventListener("pageshow", () => { sent = false; });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const key = event.key.toLowerCase();
    const choose = (selector) => {
      const input = form.querySelector(selector);
      if (!input) return;
      input.checked = true;
      input.dispatchEvent(new Event("change", { bubbles: true }));
      event.preventDefault();
    };
    if (key === "r") choose('input[name="answer"][value="real"]');
    else if (key === "g") choose('input[name="answer"][value="generated"]');
    else if (/^[1-9]$/.test(key)) choose(`input[name="confidence"][value="${key}"]`);
    else if (key === "enter" && !event.target.closest("a, button")) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}
