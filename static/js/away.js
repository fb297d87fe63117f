// Measures how long the reader was away from the page. Away means that the page was hidden or another window had the
// keyboard.
export class Away {
  constructor() {
    this.total = 0;
    this.since = null; // when the reader left; null while they are here
    for (const kind of ["visibilitychange", "blur", "focus", "pagehide", "pageshow"]) {
      (kind === "visibilitychange" ? document : window).addEventListener(kind, () => this.look());
    }
    this.look();
  }

  look() {
    const isAway = document.hidden || !document.hasFocus();
    if (isAway && this.since === null) this.since = performance.now();
    else if (!isAway && this.since !== null) {
      this.total += performance.now() - this.since;
      this.since = null;
    }
  }

  // Returns the milliseconds away since the page was opened.
  get milliseconds() {
    return this.total + (this.since === null ? 0 : performance.now() - this.since);
  }
}
