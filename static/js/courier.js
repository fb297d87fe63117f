// Sends waiting answers to the server, one by one, on every page of the site. It repeats each answer until the server
// has acknowledged exactly this answer or has refused it for good. After any other reply, for example from a proxy, a
// hotel's log-in page or a busy server, the answer keeps waiting.

import { isOwn, keep, remove, setAside, waiting } from "./outbox.js";

const FIRST_RETRY_MS = 2000;
const LONGEST_RETRY_MS = 60000;
const PATIENCE_MS = 20000;
const OTHERS_TURN_MS = 5000; // for so long an answer is left to the page that gave it

export const Why = Object.freeze({
  OFFLINE: "offline", // no answer of ours: no connection, a proxy, a server that is down
  BUSY: "busy",
  ERROR: "error",
  PAUSED: "paused",
  LOGIN: "login",
  OTHER_READER: "other_reader",
  OUT_OF_TURN: "out_of_turn",
  TOKEN: "token",
});

// The server's reasons for refusing an answer for good.
const FINAL = new Set(["answered", "closed", "withdrawn", "no_such_image", "invalid"]);

// Says what a reply means for the answer that was sent: { is: "stored" | "refused" | "kept", … }.
export function meaning(reply, body, answer) {
  const stored = body && body.stored;
  const isThisTrial = stored && String(stored.reading) === answer.reading && stored.position === answer.position;
  if (reply.ok && isThisTrial && isThisAnswer(stored, answer.fields)) return { is: "stored" };
  if (body && FINAL.has(body.refused)) return { is: "refused" };
  const why = body && Object.values(Why).includes(body.later) ? body.later : Why.OFFLINE;
  const retryAfter = Number(reply.headers.get("Retry-After"));
  return { is: "kept", why, retryMs: retryAfter > 0 ? Math.min(1000 * retryAfter, LONGEST_RETRY_MS) : 0 };
}

// Whether the server stored this answer: the same judgement, and the same number among the corrections of the image.
function isThisAnswer(stored, fields) {
  const sent = new Map(fields);
  const isThisNumber = (stored.number ?? 0) === Number(sent.get("number") || 0);
  const [judgement] = (sent.get("answer") || "").split("-"); // in one row the confidence follows
  return isThisNumber && stored.answer === judgement && holdsFurther(stored.further, fields);
}

// Whether the server stored every further answer by name and value. Cues are a list, because there can be several.
// Cues that the reader chose before judging the image real are not stored. The server then sends an empty value.
function holdsFurther(further = {}, fields) {
  const isReal = fields.some(([name, value]) => name === "answer" && value.startsWith("real"));
  const isAnswered = (question) => fields.some(([name, value]) => name === question && value.trim());
  return fields.every(([name, value]) => {
    if (!name.startsWith("q-") || !value.trim()) return true;
    if (name.endsWith("-sure") && !isAnswered(name.slice(0, -"-sure".length))) return true; // of no answer: not stored
    const stored = [further[name]].flat();
    return stored.includes(value) || (isReal && stored.length === 0);
  });
}

async function jsonOf(reply) {
  if (!(reply.headers.get("Content-Type") || "").startsWith("application/json")) return null;
  try {
    return await reply.json();
  } catch {
    return null;
  }
}

const ask = (address, options = {}) =>
  fetch(address, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS), ...options });

export class Courier extends EventTarget {
  // `tokenAddress` is the address that gives a fresh CSRF token.
  //
  // Events: "stored" and "refused" have detail { answer, reply }. "change" means that the waiting answers changed.
  constructor(tokenAddress) {
    super();
    this.tokenAddress = tokenAddress;
    this.token = null; // the page's own, until the server says that it is stale
    this.isSending = false;
    this.reading = null; // that this page shows, if it is a judging page
    this.why = null; // for which the first answer waits; null while all goes well
    this.failures = 0;
    this.timer = null;
    this.isFragile = false; // the browser keeps no storage: what waits is lost with the page
    for (const event of ["online", "focus", "pageshow"]) window.addEventListener(event, () => this.sendNow());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.sendNow(); });
    window.addEventListener("storage", () => this.changed());
  }

  add(reading, address, fields) {
    const { isStored } = keep(reading, address, fields);
    this.isFragile ||= !isStored;
    if (this.why === Why.OUT_OF_TURN) this.why = null; // this may be the answer that the others wait for
    this.changed();
    this.sendNow();
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  tell(name, answer, reply) {
    this.dispatchEvent(new CustomEvent(name, { detail: { answer, reply } }));
  }

  sendNow() {
    clearTimeout(this.timer);
    this.timer = null;
    this.isAskedAgain = this.isSending; // what is on its way may have left before the connection or the study came back
    this.send();
  }

  async send() {
    if (this.isSending) return;
    this.isSending = true;
    const stuck = new Map(); // reading: why, and after how long it is tried again
    let next;
    while ((next = this.next(stuck)) !== undefined) {
      const found = await this.deliver(next);
      if (found.is !== "kept") continue;
      stuck.set(next.reading, found);
      if (found.why === Why.OFFLINE || found.why === Why.LOGIN) break; // as it would be for the others
    }
    this.isSending = false;
    if (this.isAskedAgain && stuck.size) {
      this.isAskedAgain = false;
      this.send();
      return;
    }
    this.isAskedAgain = false;
    const first = [...stuck.values()][0];
    this.why = first ? first.why : null;
    this.failures = first ? this.failures + 1 : 0;
    this.changed();
    if (waiting().length) this.retryAfter(first);
  }

  next(stuck) {
    const due = (answer) =>
      isOwn(answer) || answer.reading === this.reading || Date.now() - answer.at > OTHERS_TURN_MS;
    return waiting().find((answer) => !stuck.has(answer.reading) && due(answer));
  }

  retryAfter(found) {
    const backOff = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.failures - 1, 10), LONGEST_RETRY_MS);
    // Without a problem, what waits is left to the page that gave it, until the oldest answer's time is up.
    const untilTurn = Math.min(...waiting().map((answer) => answer.at)) + OTHERS_TURN_MS - Date.now();
    const delay = found ? Math.max(found.retryMs || 0, backOff) : Math.min(Math.max(untilTurn, 0), OTHERS_TURN_MS) + 500;
    clearTimeout(this.timer);
    // A random delay, because many readers may have lost the same connection at once.
    this.timer = setTimeout(() => this.send(), delay * (found ? 0.75 + 0.5 * Math.random() : 1 + 0.1 * Math.random()));
  }

  // Sends one answer. Sends it again with a fresh token if the server asks for one.
  async deliver(answer) {
    let found = await this.post(answer);
    if (found.is === "kept" && found.why === Why.TOKEN && await this.renewToken()) found = await this.post(answer);
    return found;
  }

  async post(answer) {
    let reply;
    let body;
    try {
      const fields = new URLSearchParams(answer.fields);
      if (this.token) fields.set("csrfmiddlewaretoken", this.token);
      if (!fields.get("reading")) fields.set("reading", answer.reading);
      reply = await ask(answer.address, { method: "POST", body: fields });
      body = await jsonOf(reply);
    } catch {
      return { is: "kept", why: Why.OFFLINE };
    }
    const found = meaning(reply, body, answer);
    if (found.is === "stored") {
      remove(answer);
      this.why = null;
      this.tell("stored", answer, body);
      this.changed();
    } else if (found.is === "refused") {
      setAside(answer, body.refused, body.message || "");
      this.tell("refused", answer, body);
      this.changed();
    }
    return found;
  }

  async renewToken() {
    try {
      const body = await jsonOf(await ask(this.tokenAddress));
      this.token = (body && body.token) || this.token;
      return Boolean(body && body.token);
    } catch {
      return false;
    }
  }
}
