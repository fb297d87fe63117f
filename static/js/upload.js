// Sends the upload's form and shows how much has been sent. Without this script the browser sends the form itself.

const form = document.getElementById("upload");
const error = form.querySelector("[data-shows=error]");
const sending = form.querySelector("[data-shows=sending]");
const bar = sending.querySelector("progress");
const told = sending.querySelector("p");
const button = form.querySelector("button.primary");

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

// Checks what the site would refuse at the end, before the browser sends for minutes.
function reasonAgainst() {
  const files = [...form.querySelectorAll("input[type=file]")].flatMap((input) => [...input.files]);
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (!files.length) return "Choose a zip, a folder or files.";
  if (size > Number(form.dataset.limit)) return `These are ${megabytes(size)}; ${megabytes(form.dataset.limit)} can be sent at once.`;
  if (files.length > Number(form.dataset.most)) return `These are ${files.length} files; ${form.dataset.most} can be sent at once.`;
  return "";
}

function fail(reason) {
  error.textContent = reason;
  error.hidden = false;
  sending.hidden = true;
  button.disabled = false;
  error.scrollIntoView({ block: "nearest" });
}

function answered(request) {
  let answer;
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    answer = {};
  }
  if (request.status === 200 && answer.job) location.assign(answer.job);
  else fail(answer.error || "The site did not take this. Please load the page again and try once more.");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const reason = reasonAgainst();
  if (reason) {
    fail(reason);
    return;
  }
  error.hidden = true;
  sending.hidden = false;
  button.disabled = true;
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.max = total;
    bar.value = loaded;
    told.textContent = loaded < total ? `${megabytes(loaded)} of ${megabytes(total)} sent` : "All is sent; the site looks at it.";
  });
  request.addEventListener("load", () => answered(request));
  request.addEventListener("error", () => fail("The connection broke. Nothing was kept; please try again."));
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.send(new FormData(form));
});
