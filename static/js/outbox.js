// Keeps answers in this browser until the server has acknowledged them.
//
// Each answer is a separate entry in localStorage, so that tabs never overwrite each other's answers. The page that gave
// the answer also holds it in memory, in case the browser has no storage. An answer is
// { key, reading, position, address, fields, at }. `fields` are the form's pairs, `at` is the time of the answer.

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
    // Without storage, only this page holds the answers.
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
    // The entry was not written either.
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

// Keeps another answer of a reading. `isStored` says whether the answer survives when the page is closed.
export function keep(reading, address, fields) {
  const position = Number(new Map(fields).get("position"));
  const key = `${PREFIX}${reading} ${position} ${Math.random().toString(36).slice(2)}`;
  const answer = { key, reading: String(reading), position, address, fields, at: Date.now() };
  own.set(key, answer);
  return { answer, isStored: write(key, answer) };
}

// All waiting answers, those of each reading in the order of the form.
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

// Removes an answer that the server has.
export function remove(answer) {
  own.delete(answer.key);
  erase(answer.key);
}

// Ends the wait of an answer that the server refuses for good. The reason is kept until the reader has seen it.
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
