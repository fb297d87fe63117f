// Answers wait here until the server has them, across a lost connection and a reload; they are sent one by one, in order.

const RETRY_MS = 3000;
const PATIENCE_MS = 20000;

export class AnswerQueue {
  // `token` is this page's against forgery: one kept with an answer would be stale after logging in again.
  // `onSent(answer, reply)`, `onRefused(reply)` where the server will not take it, `onChange(waiting, isOffline)`.
  constructor(name, token, { onSent, onRefused, onChange }) {
    Object.assign(this, { name, token, onSent, onRefused, onChange });
    this.waiting = this.stored();
    this.sending = false;
    window.addEventListener("online", () => this.send());
  }

  stored() {
    try {
      return JSON.parse(localStorage.getItem(this.name)) || [];
    } catch {
      return [];
    }
  }

  keep() {
    try {
      if (this.waiting.length) localStorage.setItem(this.name, JSON.stringify(this.waiting));
      else localStorage.removeItem(this.name);
    } catch {
      // Without storage the answers still wait in this page.
    }
  }

  add(answer) {
    this.waiting.push(answer);
    this.keep();
    this.onChange(this.waiting.length, false);
    this.send();
  }

  async send() {
    if (this.sending) return;
    this.sending = true;
    while (this.waiting.length) {
      const answer = this.waiting[0];
      const reply = await this.post(answer);
      if (reply === null) {
        this.onChange(this.waiting.length, true);
        setTimeout(() => this.send(), RETRY_MS);
        break;
      }
      if (!reply.taken) {
        if (!reply.isLoggedOut) this.waiting = []; // else they are sent after logging in
        this.keep();
        this.onRefused(reply);
        break;
      }
      this.waiting.shift();
      this.keep();
      this.onChange(this.waiting.length, false);
      this.onSent(answer, reply);
    }
    this.sending = false;
  }

  // The server's reply; null where none came, and the answer is to be sent again.
  async post({ address, fields }) {
    try {
      const body = new URLSearchParams(fields);
      body.set("csrfmiddlewaretoken", this.token);
      const reply = await fetch(address, {
        method: "POST",
        body,
        headers: { Accept: "application/json" },
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      if (reply.status >= 500) return null;
      const isJson = (reply.headers.get("Content-Type") || "").startsWith("application/json");
      // Anything but JSON is a page to log in again, or an error page: reloading shows it.
      return { taken: reply.ok && isJson, isLoggedOut: reply.redirected, ...(isJson ? await reply.json() : {}) };
    } catch {
      return null;
    }
  }
}
