document.querySelectorAll("table.sortable").forEach(sortable);

// --- filters: whole tables by track, dataset and detector; in tables of several detectors or tracks their rows
const form = document.getElementById("filters");
const fits = (wanted, its) => !wanted || !its || wanted === its;
const filter = () => {
  const wanted = Object.fromEntries(new FormData(form));
  let shown = 0;
  for (const board of document.querySelectorAll(".board")) {
    const its = board.dataset;
    for (const row of board.querySelectorAll("tbody tr")) row.hidden = !fits(wanted.detector, row.dataset.detector);
    const left = board.querySelectorAll("tbody:not(.controls) tr:not([hidden])").length;
    board.hidden = !left || !["track", "dataset", "detector"].every((key) => fits(wanted[key], its[key]));
    shown += !board.hidden;
  }
  for (const row of document.querySelectorAll("tr[data-track]")) row.hidden = !fits(wanted.track, row.dataset.track);
  document.getElementById("shown").textContent = `${shown} table${shown === 1 ? "" : "s"} shown`;
};
form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", filter);
filter();

// --- a link to an entry opens it
const open = () => {
  const its = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (its && its.tagName === "DETAILS") its.open = true;
};
addEventListener("hashchange", open);
open();
