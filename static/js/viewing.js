// An image drawn at a whole number of device pixels per pixel, loaded before its turn, and the moment of its first paint.

export function fitToDevicePixels() {
  const ratio = window.devicePixelRatio || 1;
  for (const image of document.querySelectorAll(".stimulus")) {
    const pixels = Number(image.dataset.pixels);
    const room = Math.min(512, image.closest(".trial").clientWidth);
    const factor = Math.max(1, Math.floor((room * ratio) / pixels));
    image.style.width = image.style.height = `${(factor * pixels) / ratio}px`;
  }
}

const RETRY_MS = 3000;

// decode() resolves when the pixels are ready; the second frame after it is the first that has shown them.
// An image that does not load is asked for again: without a connection it comes when the connection does.
export function whenPainted(image, then) {
  const after = () => requestAnimationFrame(() => requestAnimationFrame(() => then(performance.now())));
  const again = () => setTimeout(() => {
    if (!image.isConnected) return;
    image.src = image.getAttribute("src");
    whenPainted(image, then);
  }, RETRY_MS);
  image.decode().then(after, again);
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
