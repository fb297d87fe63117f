// Marks the section that the visitor reads in the contents of a long page, and unfolds everything for print. Without
// this script the links still work, and browsers that know ::details-content also print folded parts.
const links = [...document.querySelectorAll(".contents a")];
const headings = links.map((link) => document.getElementById(link.hash.slice(1)));
const list = document.querySelector(".contents ul");
let current;

function mark() {
  const atTheEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
  const read = atTheEnd ? links.length - 1 : headings.findLastIndex((one) => one.getBoundingClientRect().top < innerHeight / 3);
  const link = links[Math.max(0, read)];
  if (link === current) return;
  current?.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  current = link;
  // On a phone the list is one line that scrolls sideways.
  list.scrollTo({ left: link.offsetLeft - 16 });
}

if (links.length) {
  mark();
  addEventListener("scroll", mark, { passive: true });
  addEventListener("resize", mark, { passive: true });
}

let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of folded) details.open = true;
  for (const image of document.querySelectorAll("img[loading=lazy]")) image.loading = "eager";
});
addEventListener("afterprint", () => {
  for (const details of folded) details.open = false;
});
