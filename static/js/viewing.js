// An image's size on the page, its loading before its turn, and the moment of its first paint.

// Pixel by pixel: a whole number of device pixels for each pixel. Smoothly, or where the image has more pixels than its
// place: as large as the place.
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

// decode() resolves when the pixels are ready; the second frame after it is the first that has shown them.
// An image that does not load is asked for again: without a connection it comes when the connection does.
function whenPainted(image, then) {
  const after = () => requestAnimationFrame(() => requestAnimationFrame(() => then(performance.now())));
  const again = () => setTimeout(() => {
    if (!image.isConnected) return;
    image.src = image.getAttribute("src");
    whenPainted(image, then);
  }, RETRY_MS);
  image.decode().then(after, again);
}

// An image that stays, or the two of a pair: the reader looks for as long as they like.
export class StillImage {
  // `onShown(time)` is told when what was presented last had come.
  constructor(form, onShown) {
    this.section = form.closest(".trial");
    this.onShown = onShown;
  }

  get images() {
    return [...this.section.querySelectorAll("img.stimulus")];
  }

  get isReady() {
    return this.images.every((image) => image.complete && image.naturalWidth > 0);
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

  timePaint(images) {
    this.onShown(null);
    let missing = images.length;
    for (const image of images) {
      whenPainted(image, (time) => {
        image.classList.remove("loading");
        missing -= 1;
        if (missing === 0 && image.isConnected) this.onShown(time); // an earlier image may come late
      });
    }
  }
}

// Images loaded and decoded ahead, one after the other so that the next one comes first on a slow line.
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
