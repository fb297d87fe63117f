// Sizes an image on the page, loads images ahead, and finds the time of an image's first paint.

// Pixel by pixel means a whole number of device pixels for each pixel. Smooth images, and images with more pixels than
// fit, fill the available place.
export function fitToDevicePixels() {
  const ratio = window.devicePixelRatio || 1;
  for (const image of document.querySelectorAll(".stimulus")) {
    const pixels = Number(image.dataset.pixels);
    const side = image.closest(".side"); // of a pair
    const room = side ? side.clientWidth : Math.min(512, image.closest(".trial").clientWidth);
    const factor = Math.floor((room * ratio) / pixels);
    const smooth = image.dataset.scaling === "smooth" || factor < 1;
    image.classList.toggle("smooth", smooth);
    image.style.width = image.style.height = `${smooth ? room : (factor * pixels) / ratio}px`;
  }
}

const RETRY_MS = 3000;
const LATE_MS = 1500;

// decode() resolves when the pixels are ready. The second frame after that is the first one that has shown them.
// An image that does not load is requested again, so that it appears when the connection is back.
function whenPainted(image, then) {
  const after = () => requestAnimationFrame(() => requestAnimationFrame(() => then(performance.now())));
  const again = () => setTimeout(() => {
    if (!image.isConnected) return;
    image.src = image.getAttribute("src");
    whenPainted(image, then);
  }, RETRY_MS);
  image.decode().then(after, again);
}

// Whether every image of the section has arrived. Nobody judges, marks or changes anything before.
export const areThere = (section) =>
  [...section.querySelectorAll("img.stimulus")].every((image) => image.complete && image.naturalWidth > 0);

// Says that an image is late, or no longer says so.
export class Lateness {
  constructor() {
    this.note = document.getElementById("image-waits");
  }

  begin(then = () => {}) {
    this.end();
    this.timer = setTimeout(() => {
      this.note.hidden = false;
      document.getElementById("announce").textContent = this.note.textContent;
      then();
    }, LATE_MS);
  }

  end() {
    clearTimeout(this.timer);
    this.note.hidden = true;
  }
}

// Shows an image, or the two of a pair, for as long as the reader likes.
export class StillImage {
  // `onShown(time)` gets the time at which the last image appeared. While an image is late, the form says so and is locked.
  constructor(form, onShown) {
    this.form = form;
    this.section = form.closest(".trial");
    this.lateness = new Lateness();
    this.isLocked = false;
    this.onShown = onShown;
  }

  get images() {
    return [...this.section.querySelectorAll("img.stimulus")];
  }

  get isReady() {
    return !this.isLocked && areThere(this.section);
  }

  first() {
    this.timePaint(this.images);
  }

  present(images) {
    this.images.forEach((old, index) => {
      const image = images[index];
      for (const { name, value } of old.attributes) if (!["src", "style"].includes(name)) image.setAttribute(name, value);
      image.style.width = image.style.height = old.style.width;
      old.replaceWith(image);
      image.classList.toggle("loading", !image.complete);
    });
    this.timePaint(images);
  }

  // A disabled field loses the focus. It comes back with the image.
  lock(isLocked) {
    if (isLocked) this.focused = document.activeElement?.closest("fieldset") && document.activeElement;
    this.isLocked = isLocked;
    for (const fields of this.form.querySelectorAll("fieldset")) fields.disabled = isLocked;
    if (!isLocked && document.activeElement === document.body) this.focused?.focus({ preventScroll: true });
    if (!isLocked) this.focused = null;
  }

  timePaint(images) {
    this.onShown(null);
    this.lock(false);
    this.lateness.begin(() => this.lock(true));
    let missing = images.length;
    for (const image of images) {
      whenPainted(image, (time) => {
        image.classList.remove("loading");
        missing -= 1;
        if (missing > 0 || !image.isConnected) return; // an earlier image may come late
        this.lateness.end();
        this.lock(false);
        this.onShown(time);
      });
    }
  }
}

// Loads and decodes images ahead, one after the other, so that the next one comes first on a slow connection.
export class Preloader {
  constructor() {
    this.images = new Map();
    this.last = Promise.resolve();
  }

  want(address) {
    if (this.images.has(address)) return;
    const image = new Image();
    this.images.set(address, image);
    this.last = this.last.then(() => {
      if (!image.getAttribute("src")) image.src = address; // it may have had its turn meanwhile
      return image.decode().catch(() => this.images.delete(address));
    });
  }

  take(address) {
    const image = this.images.get(address);
    this.images.delete(address);
    return image;
  }
}
