// Answers that the server has not acknowledged yet, kept in this browser until it has.
//
// Each answer is an entry of its own in localStorage, so that several tabs never overwrite one another's, and is also
// held by the page that gave it, in case the browser keeps no storage. An answer is
// { key, reading, position, address, fields, at }: `fields` are the form's pairs, `at` is when it was given.

const PREFIX = "answer ";
const UNDELIVERABLE = "undeliverable ";
const FORMER = "answers of reading "; // how the first version kept them: one entry a reading

const own = new Map();
const refused = new Map(); // that could not be written down

const byTurn = (one, other) => one.reading.localeCompare(other.reading) || one.position - other.position || one.at - other.at;

function entries(prefix) {
  const found = [];
  try {
    for (let index = 0; index < localStorage.length; index += 1) {
      const key = localStorage.key(index);
      if (key.startsWith(prefix)) found.push([key, localStorage.getItem(key)]);
    }
  } catch {
    // No storage: what this page holds is all there is.
  }
  return found;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // not ours
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

function erase(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    // Then it was not written either.
  }
}

function adoptFormer() {
  for (const [key, text] of entries(FORMER)) {
    const reading = key.slice(FORMER.length);
    const answers = parsed(text);
    if (Array.isArray(answers) && !answers.every(({ address, fields }) => keep(reading, address, fields).isStored)) return;
    erase(key);
  }
}

// Keeps one more answer of a reading; `isStored` says whether it also survives this page.
export function keep(reading, address, fields) {
  const position = Number(new Map(fields).get("position"));
  const key = `${PREFIX}${reading} ${position} ${Math.random().toString(36).slice(2)}`;
  const answer = { key, reading: String(reading), position, address, fields, at: Date.now() };
  own.set(key, answer);
  return { answer, isStored: write(key, answer) };
}

// All that wait, of each reading in the order of the form.
export function waiting() {
  adoptFormer();
  const found = new Map(own);
  for (const [key, text] of entries(PREFIX)) {
    const answer = parsed(text);
    if (answer && answer.fields && answer.address) found.set(key, { ...answer, key });
  }
  return [...found.values()].sort(byTurn);
}

export const isOwn = (answer) => own.has(answer.key);

// The server has it.
export function remove(answer) {
  own.delete(answer.key);
  erase(answer.key);
}

// The server will never take it: it waits no longer, and what became of it is kept until the reader has seen it.
export function setAside(answer, reason, message) {
  const one = { key: `${UNDELIVERABLE}${answer.key}`, position: answer.position, reason, message, at: answer.at };
  remove(answer); // first: it makes room where the storage is full
  if (!write(one.key, one)) refused.set(one.key, one);
}

export function undeliverable() {
  const stored = entries(UNDELIVERABLE).map(([key, text]) => ({ ...parsed(text), key }));
  const found = [...stored, ...refused.values()];
  return found.filter((one) => one.message !== undefined).sort((one, other) => one.at - other.at);
}

export function forget(one) {
  refused.delete(one.key);
  erase(one.key);
}
